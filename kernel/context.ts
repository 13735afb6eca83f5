import { type Actor } from './actor'
import { type EventType } from './event'
import { type Job, type JobOptions } from './job'
import { type Cause, type TallyType } from './tally'
import { type World } from './world'

/** What one call knows. Inside a transaction every query of the models joins it by itself. */
export interface Context<A extends Actor | null = Actor | null> {
  readonly actor: A
  readonly requestId: string
  readonly now: Date
  /** Where the call comes from; null for a job. */
  readonly address: string | null
  /** What the program that calls says it is, cut to a length; null when it says nothing, and for a job. */
  readonly agent: string | null
  readonly world: World
  /** Announces what has happened: stored with the transaction, delivered after its commit. Refused in reads. */
  readonly emit: <P>(type: EventType<P>, payload: NoInfer<P>) => Promise<void>
  /** Asks a worker to do something after the commit. */
  readonly enqueue: <P>(job: Job<P>, payload: NoInfer<P>, options?: JobOptions) => Promise<void>
  /** Adds a change to a tally, to be settled soon after the commit; says whether its cause, if it has one, changed anything. */
  readonly tally: <C>(type: TallyType<C>, targetId: string, change: NoInfer<C>, cause?: Cause) => Promise<boolean>
}
