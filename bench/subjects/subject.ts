/** What may be asked of a subject: by name, what is sent and what is answered. A kind need not know all of it. */
export interface Questions {
  /** Microseconds of CPU time of the process so far. */
  cpu: { sent: null; answered: number }
  /** Bytes of memory after a thorough collection. */
  memory: { sent: null; answered: { resident: number; heap: number } }
  announce: { sent: Announcement; answered: null }
  stream: { sent: Stream; answered: Told[] }
  write: { sent: Writing; answered: null }
  /** The path of a local FLAC, sent and finalized: answers with the id of its upload. */
  prepareUpload: { sent: { path: string; ownerId: string }; answered: string }
  processUpload: { sent: { uploadId: string }; answered: null }
  /** What a worker does for an upload, whatever comes of it: answers with the state that it ended in. */
  judgeUpload: { sent: { uploadId: string }; answered: string }
  /** Milliseconds by which the event loop was late, every 5 ms since it was last asked; the first time there are none. */
  lateness: { sent: null; answered: number[] }
  /** Statements sent to PostgreSQL since it was last asked, as `<name of the connection>: <statement>`. */
  statements: { sent: null; answered: Record<string, number> }
}

/** Events that are announced in one tick. */
export interface Announcement {
  channel: string
  count: number
  /** In how many transactions; default 1. A bare server has none. */
  transactions?: number
}

/** Events at an even pace, one after the other on each of the channels in turn. */
export interface Stream {
  channels: readonly string[]
  perSecond: number
  count: number
  /** The number of the first one; the others follow in steps of `step`. */
  first: number
  step: number
}

/** When an event was there for others to see: its number, and microseconds on the clock that all processes share. */
export type Told = [number: number, atUs: number]

export interface Writing {
  /** `events`: by the pipeline; `appends`: into the log by plain `pg`; `rows`: plain rows by plain `pg`, or in a transaction. */
  as: 'events' | 'appends' | 'rows' | 'rows in transactions'
  channels: readonly string[]
  writers: number
  count: number
}

export type Answers = { [Q in keyof Questions]?: (sent: Questions[Q]['sent']) => Promise<Questions[Q]['answered']> }

/** A server that is measured, in the process that runs it. */
export interface Subject {
  port: number
  answers: Answers
}

/** Monotonic, and the same in all processes of a machine. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n)

/** Runs `tell` at an even pace: when it is late it catches up, so that waiting is measured and not left out. */
export async function paced(count: number, perSecond: number, tell: (index: number) => void): Promise<void> {
  const startUs = nowUs()
  await new Promise<void>(resolve => {
    let next = 0
    const timer = setInterval(() => {
      const due = Math.min(Math.floor(((nowUs() - startUs) * perSecond) / 1e6) + 1, count)
      for (; next < due; next += 1) tell(next)
      if (next < count) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}
