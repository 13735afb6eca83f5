import { type Actor } from './actor'
import { type EventType } from '../events/event'
import { type JobOptions, type JobSpec } from '../events/job-spec'
import { type ConditionalStatement, type CounterSpec } from '../events/counter-change'
import { type AppContext } from '../platform/app-context'

/** The context of one call. Inside a transaction all model queries join it automatically. */
export interface Context<A extends Actor | null = Actor | null> {
  readonly actor: A
  readonly requestId: string
  readonly now: Date
  /** The client's IP address; null for a job. */
  readonly ipAddress: string | null
  /** The truncated User-Agent header; null without one, and for a job. */
  readonly userAgent: string | null
  readonly app: AppContext
  /** Emits an event: stored in the transaction, delivered after its commit. Throws in reads. */
  readonly emit: <P>(type: EventType<P>, payload: NoInfer<P>) => Promise<void>
  /** Enqueues a job in the transaction: a worker runs it after the commit. */
  readonly enqueue: <P>(job: JobSpec<P>, payload: NoInfer<P>, options?: JobOptions) => Promise<void>
  /** Enqueues a counter change, applied soon after the commit. Returns false when `onlyIf` is given and changed no row. */
  readonly changeCounter: <C>(
    type: CounterSpec<C>,
    targetId: string,
    change: NoInfer<C>,
    onlyIf?: ConditionalStatement,
  ) => Promise<boolean>
}
