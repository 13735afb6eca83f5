import { type Feed, positionAsText, toCatchUp } from './feed'
import { bodyOf, type Http } from './http'
import { asProblem } from './problem'
import { callTimeoutMs, toAnswer } from './road'
import { type CatchUp, type Ear, type Position } from './stream'

const waitS = 25
/** After events: more of them may follow at once, and one request brings them together. */
const restMs = 200

/** @throws TuttiProblem */
export async function readEvents(
  http: Http,
  channel: string,
  after: Position | undefined,
  { waitS: wait = 0, signals = [] as AbortSignal[] } = {},
): Promise<CatchUp> {
  const query = new URLSearchParams()
  if (after !== undefined) query.set('after', positionAsText(after))
  if (wait > 0) query.set('wait', String(wait))
  const signal = AbortSignal.any([...signals, AbortSignal.timeout(wait * 1_000 + callTimeoutMs)])
  const path = `/channels/${encodeURIComponent(channel)}/events?${query.toString()}`
  return toCatchUp(toAnswer(await bodyOf(await http.send(path, { signal }))).data)
}

/** Reads a channel by requests that wait until something happens. */
export function longPoll(http: Http, channel: string, ear: Ear): Feed {
  let current = new AbortController()

  async function listen(from: Position, { signal }: AbortController): Promise<void> {
    let after = from
    for (;;) {
      const answer = await readEvents(http, channel, after, { waitS, signals: [signal] })
      if (signal.aborted) return
      if (!answer.recovered) {
        ear('lost', undefined)
        return
      }
      ear('state', { values: answer.state })
      ear('events', answer)
      const last = answer.events.at(-1)
      if (last === undefined) continue
      after = { epoch: answer.epoch, offset: last.offset }
      await new Promise(resolve => setTimeout(resolve, restMs))
    }
  }

  return {
    transport: 'long-poll',
    async ask(after) {
      current.abort()
      const mine = new AbortController()
      current = mine
      const answer = await readEvents(http, channel, after, { signals: [mine.signal] })
      const isReady = answer.recovered || after === undefined
      if (isReady && !answer.more) {
        const place = { epoch: answer.epoch, offset: answer.events.at(-1)?.offset ?? after?.offset ?? answer.top }
        listen(place, mine).catch((error: unknown) => mine.signal.aborted || ear('lost', asProblem(error)))
      }
      return answer
    },
    close: async () => current.abort(),
  }
}
