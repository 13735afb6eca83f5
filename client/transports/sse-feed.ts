import { SseParser } from './sse-parser'
import { type Feed, formatPosition, toCatchUp } from './feed'
import { type Http, readProblem } from '../calls/http'
import { asProblem, unreachable } from '../problem'
import { type CatchUp, type MessageListener } from '../channels/frames'

/** Timeout of the first message: a buffering proxy may hold the stream back. */
const firstMessageMs = 5_000
/** Timeout between messages; the server sends at least a comment every 15 s. */
const silenceMs = 40_000

const silent = 'held back'
const notEventStream = 'no stream of events'

export interface SseCallbacks {
  onOpened(): void
  /** The stream failed: because SSE does not work here (`isCertain`), or because the network may be down. */
  onFailed(isCertain: boolean): void
}

interface ChunkReader {
  read(): Promise<{ done: boolean; value?: Uint8Array }>
}

/** Follows a channel over server-sent events. Uses `fetch`: the browser's EventSource cannot send a token. */
export function sseFeed(http: Http, channel: string, listener: MessageListener, callbacks: SseCallbacks): Feed {
  let current = new AbortController()

  /** Calls `onFirst` with the first answer, then the listener with each message; resolves when the stream ends. */
  async function read(path: string, ending: AbortController, onFirst: (answer: CatchUp) => void): Promise<void> {
    let silence = setTimeout(() => ending.abort(silent), firstMessageMs)
    const { signal } = ending
    try {
      const response = await http.send(path, { headers: { accept: 'text/event-stream' }, signal })
      if (!response.ok) throw await readProblem(response)
      if (response.body === null || response.headers.get('content-type')?.includes('event-stream') !== true)
        throw unreachable(notEventStream)
      const stream = new SseParser()
      const decoder = new TextDecoder()
      const chunks = response.body.getReader() as ChunkReader
      for (;;) {
        const { done, value } = await chunks.read()
        if (done || signal.aborted) return
        clearTimeout(silence)
        silence = setTimeout(() => ending.abort(silent), silenceMs)
        for (const { event, data } of stream.push(decoder.decode(value, { stream: true }))) {
          if (data === '') continue
          const message: unknown = JSON.parse(data)
          if (event === 'followed') onFirst(toCatchUp(message))
          else listener(event, message)
        }
      }
    } finally {
      clearTimeout(silence)
      ending.abort()
    }
  }

  return {
    transport: 'sse',
    read(after) {
      current.abort()
      const controller = new AbortController()
      current = controller
      const query = after === undefined ? '' : `?after=${encodeURIComponent(formatPosition(after))}`
      return new Promise((resolve, reject) => {
        let isOpen = false
        const onFirst = (answer: CatchUp) => {
          isOpen = true
          callbacks.onOpened()
          resolve({ ...answer, events: [], hasMore: false, eventsFollow: true })
        }
        const onEnd = (error?: unknown) => {
          const isClosedByUs = controller !== current
          const problem = error === undefined ? unreachable(undefined, 'the stream ended') : asProblem(error)
          // A refusal came from the server, so the transport works: do not count it as a failure.
          if (!isOpen && !isClosedByUs && problem.code === 'unreachable') callbacks.onFailed(isCertain(problem.cause))
          reject(problem)
          if (isOpen && !isClosedByUs) listener('lost', undefined)
        }
        read(`/channels/${encodeURIComponent(channel)}/events${query}`, controller, onFirst).then(() => onEnd(), onEnd)
      })
    },
    async close() {
      current.abort()
      current = new AbortController()
    },
  }
}

const isCertain = (cause: unknown): boolean => cause === silent || cause === notEventStream
