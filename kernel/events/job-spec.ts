import { type Field } from '../pipeline/schema'

/** What enqueuing needs to know of a job. */
export interface JobSpec<P = unknown> {
  readonly name: `${string}.${string}`
  readonly payload: Field<P>
  readonly attemptsMax: number
  /** May take minutes: runs in a separate pool, so that short jobs do not queue behind it. */
  readonly isLong?: true
  /** Low priority: starts only while no other job of its pool is waiting. Such jobs keep their order among themselves. */
  readonly isLowPriority?: true
  /** Schedule, in crontab syntax (UTC). */
  readonly cron?: string
}

export interface JobOptions {
  /** Replaces a waiting job with the same key. */
  key?: string
  runAt?: Date
  /** Lowest priority, for work no user requested. Enqueuing it again under its key without this flag raises the priority. */
  isBackground?: true
}
