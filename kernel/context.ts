import { type Actor } from './actor'
import { type EventType } from './event'
import { type Job, type JobOptions } from './job'
import { type Cause, type TallyType } from './tally'
import { type World } from './world'

/** The context of one call. Inside a transaction all model queries join it automatically. */
export interface Context<A extends Actor | null = Actor | null> {
  readonly actor: A
  readonly requestId: string
  readonly now: Date
  /** The client's IP address; null for a job. */
  readonly address: string | null
  /** The truncated User-Agent header; null without one, and for a job. */
  readonly agent: string | null
  readonly world: World
  /** Emits an event: stored in the transaction, delivered after its commit. Throws in reads. */
  readonly emit: <P>(type: EventType<P>, payload: NoInfer<P>) => Promise<void>
  /** Enqueues a job in the transaction: a worker runs it after the commit. */
  readonly enqueue: <P>(job: Job<P>, payload: NoInfer<P>, options?: JobOptions) => Promise<void>
  /** Enqueues a counter change, applied soon after the commit. Returns false when `cause` is given and changed no row. */
  readonly tally: <C>(type: TallyType<C>, targetId: string, change: NoInfer<C>, cause?: Cause) => Promise<boolean>
}
