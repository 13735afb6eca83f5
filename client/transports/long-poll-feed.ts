import { type Feed, formatPosition, toCatchUp } from './feed'
import { readJson, type Http } from '../calls/http'
import { asProblem } from '../problem'
import { callTimeoutMs, toCallResponse } from '../calls/call-transport'
import { type CatchUp, type MessageListener, type Position } from '../channels/frames'

const waitS = 25
/** Pause after events, so that one request brings the events of a burst together. */
const pauseMs = 200

/** Reads events after a position; with `waitS` waits that many seconds for the next one. @throws TuttiProblem */
export async function readEvents(
  http: Http,
  channel: string,
  after: Position | undefined,
  { waitS: wait = 0, signals = [] as AbortSignal[] } = {},
): Promise<CatchUp> {
  const query = new URLSearchParams()
  if (after !== undefined) query.set('after', formatPosition(after))
  if (wait > 0) query.set('wait', String(wait))
  const signal = AbortSignal.any([...signals, AbortSignal.timeout(wait * 1_000 + callTimeoutMs)])
  const path = `/channels/${encodeURIComponent(channel)}/events?${query.toString()}`
  return toCatchUp(toCallResponse(await readJson(await http.send(path, { signal }))).data)
}

/** Follows a channel by long-polling. */
export function longPollFeed(http: Http, channel: string, listener: MessageListener): Feed {
  let current = new AbortController()

  async function poll(from: Position, { signal }: AbortController): Promise<void> {
    let after = from
    for (;;) {
      const answer = await readEvents(http, channel, after, { waitS, signals: [signal] })
      if (signal.aborted) return
      if (!answer.recovered) {
        listener('lost', undefined)
        return
      }
      listener('state', { values: answer.state })
      listener('events', answer)
      const last = answer.events.at(-1)
      if (last === undefined) continue
      after = { epoch: answer.epoch, offset: last.offset }
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  return {
    transport: 'long-poll',
    async read(after) {
      current.abort()
      const controller = new AbortController()
      current = controller
      const answer = await readEvents(http, channel, after, { signals: [controller.signal] })
      const isReady = answer.recovered || after === undefined
      if (isReady && !answer.hasMore) {
        const position = {
          epoch: answer.epoch,
          offset: answer.events.at(-1)?.offset ?? after?.offset ?? answer.latestOffset,
        }
        poll(position, controller).catch(
          (error: unknown) => controller.signal.aborted || listener('lost', asProblem(error)),
        )
      }
      return answer
    },
    close: async () => current.abort(),
  }
}
