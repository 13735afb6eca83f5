/** Requests to a server process, by name. A kind of server need not support them all. */
export interface ServerRequests {
  /** CPU time of the process so far, in microseconds. */
  cpu: { sent: null; answered: number }
  /** Memory after garbage collection, in bytes. */
  memory: { sent: null; answered: { resident: number; heap: number } }
  announce: { sent: EventBatch; answered: null }
  stream: { sent: SteadyEvents; answered: EmittedAt[] }
  write: { sent: WriteLoad; answered: null }
  /** Creates a finalized upload of a local FLAC; returns the upload id. */
  prepareUpload: { sent: { path: string; ownerId: string }; answered: string }
  processUpload: { sent: { uploadId: string }; answered: null }
  /** Runs the processing job of an upload, whatever its outcome; returns the final state. */
  judgeUpload: { sent: { uploadId: string }; answered: string }
  /** Event loop lag in milliseconds, sampled every 5 ms since the last request; empty the first time. */
  lateness: { sent: null; answered: number[] }
  /** Counts of PostgreSQL statements since the last request, by `<application_name>: <statement>`; empty the first time. */
  statements: { sent: null; answered: Record<string, number> }
}

/** Events emitted in one tick. */
export interface EventBatch {
  channel: string
  count: number
  /** Number of transactions; default 1. Ignored by bare servers. */
  transactions?: number
}

/** Events at an even pace, on the channels in turn. */
export interface SteadyEvents {
  channels: readonly string[]
  perSecond: number
  count: number
  /** Number of the first event; later ones increase by `step`. */
  first: number
  step: number
}

/** Event number, and when it was committed or emitted, in microseconds of `nowUs`. */
export type EmittedAt = [number: number, atUs: number]

export interface WriteLoad {
  /** `events`: through the pipeline; `appends`: into the log with plain `pg`; `rows`: plain rows, with plain `pg` or in transactions. */
  as: 'events' | 'appends' | 'rows' | 'rows in transactions'
  channels: readonly string[]
  writers: number
  count: number
}

export type RequestHandlers = {
  [Q in keyof ServerRequests]?: (sent: ServerRequests[Q]['sent']) => Promise<ServerRequests[Q]['answered']>
}

/** A server under test, in its own process. */
export interface BenchServer {
  port: number
  answers: RequestHandlers
}

/** Monotonic time in microseconds, comparable between processes of one machine. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n)

/** Calls `send` at an even pace; catches up when late, to avoid coordinated omission. */
export async function paced(count: number, perSecond: number, send: (index: number) => void): Promise<void> {
  const startUs = nowUs()
  await new Promise<void>(resolve => {
    let next = 0
    const timer = setInterval(() => {
      const due = Math.min(Math.floor(((nowUs() - startUs) * perSecond) / 1e6) + 1, count)
      for (; next < due; next += 1) send(next)
      if (next < count) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}
