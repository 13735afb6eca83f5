import { type Context } from '../pipeline/context'
import { type Field } from '../pipeline/schema'
import { type AppContext } from '../platform/app-context'

/**
 * Slow or fan-out work that a worker runs after the enqueuing transaction commits. Delivery is at least once, so every job
 * must be idempotent. A job that throws is retried with back-off, `attemptsMax` attempts in total.
 */
export interface Job<P = unknown> {
  readonly name: `${string}.${string}`
  readonly payload: Field<P>
  readonly attemptsMax: number
  /** May take minutes: runs in a separate pool, so that short jobs do not queue behind it. */
  readonly isLong?: true
  /** Low priority: starts only while no other job of its pool is waiting. Such jobs keep their order among themselves. */
  readonly isLowPriority?: true
  /** Schedule, in crontab syntax (UTC). */
  readonly cron?: string
  run(payload: NoInfer<P>, context: JobContext): Promise<void>
}

export type AnyJob = Job

export interface JobOptions {
  /** Replaces a waiting job with the same key. */
  key?: string
  runAt?: Date
  /** Lowest priority, for work no user requested. Enqueuing it again under its key without this flag raises the priority. */
  isBackground?: true
}

export interface JobContext {
  app: AppContext
  /** Attempt number, from 1. */
  attempt: number
  isLastAttempt: boolean
  /** Aborted when the worker shuts down. */
  signal: AbortSignal
  /** Runs `work` in one transaction: its rows, events and jobs commit or roll back together. */
  readonly transact: <T>(work: (context: Context) => Promise<T>) => Promise<T>
}

export const job = <P>(declared: Job<P>): Job<P> => declared
