import { EventStream } from './event-stream'
import { type Feed, positionAsText, toCatchUp } from './feed'
import { type Http, problemIn } from './http'
import { asProblem, unreachable } from './problem'
import { type CatchUp, type Ear } from './stream'

/** Until its first message a stream may be held back by a proxy that collects what it passes on. */
const firstMessageMs = 5_000
/** The server says something every 15 s. */
const silenceMs = 40_000

const heldBack = 'held back'
const notStreamed = 'no stream of events'

export interface SseTold {
  onOpened(): void
  /** Streams do not get through here, or (`isSure: false`) nothing does. */
  onFailed(isSure: boolean): void
}

interface Pieces {
  read(): Promise<{ done: boolean; value?: Uint8Array }>
}

/** Reads a channel as server-sent events; by `fetch`, as the browser's EventSource cannot send a token. */
export function sse(http: Http, channel: string, ear: Ear, told: SseTold): Feed {
  let current = new AbortController()

  /** Calls `onFirst` when the stream stands, then tells the ear; ends with the stream. */
  async function read(path: string, ending: AbortController, onFirst: (answer: CatchUp) => void): Promise<void> {
    let silence = setTimeout(() => ending.abort(heldBack), firstMessageMs)
    const { signal } = ending
    try {
      const response = await http.send(path, { headers: { accept: 'text/event-stream' }, signal })
      if (!response.ok) throw await problemIn(response)
      if (response.body === null || response.headers.get('content-type')?.includes('event-stream') !== true)
        throw unreachable(notStreamed)
      const stream = new EventStream()
      const text = new TextDecoder()
      const pieces = response.body.getReader() as Pieces
      for (;;) {
        const { done, value } = await pieces.read()
        if (done || signal.aborted) return
        clearTimeout(silence)
        silence = setTimeout(() => ending.abort(heldBack), silenceMs)
        for (const { event, data } of stream.take(text.decode(value, { stream: true }))) {
          if (data === '') continue
          const message: unknown = JSON.parse(data)
          if (event === 'following') onFirst(toCatchUp(message))
          else ear(event, message)
        }
      }
    } finally {
      clearTimeout(silence)
      ending.abort()
    }
  }

  return {
    transport: 'sse',
    ask(after) {
      current.abort()
      const mine = new AbortController()
      current = mine
      const query = after === undefined ? '' : `?after=${encodeURIComponent(positionAsText(after))}`
      return new Promise((resolve, reject) => {
        let stands = false
        const onFirst = (answer: CatchUp) => {
          stands = true
          told.onOpened()
          resolve({ ...answer, events: [], more: false, streams: true })
        }
        const onEnd = (error?: unknown) => {
          const isClosedByUs = mine !== current
          const problem = error === undefined ? unreachable(undefined, 'the stream ended') : asProblem(error)
          // A refusal of the server itself has got through.
          if (!stands && !isClosedByUs && problem.code === 'unreachable') told.onFailed(isSure(problem.cause))
          reject(problem)
          if (stands && !isClosedByUs) ear('lost', undefined)
        }
        read(`/channels/${encodeURIComponent(channel)}/events${query}`, mine, onFirst).then(() => onEnd(), onEnd)
      })
    },
    async close() {
      current.abort()
      current = new AbortController()
    },
  }
}

const isSure = (cause: unknown): boolean => cause === heldBack || cause === notStreamed
