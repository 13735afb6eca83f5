import { type Context } from '../pipeline/context'
import { type AppContext } from '../platform/app-context'
import { type JobSpec } from './job-spec'

/**
 * Slow or fan-out work that a worker runs after the enqueuing transaction commits. Delivery is at least once, so every job
 * must be idempotent. A job that throws is retried with back-off, `attemptsMax` attempts in total.
 */
export interface RunnableJob<P> extends JobSpec<P> {
  run(payload: NoInfer<P>, context: JobContext): Promise<void>
}

export interface Job<P = unknown> extends RunnableJob<P> {
  readonly declares: 'job'
}

export type AnyJob = Job

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

export const job = <P>(declared: RunnableJob<P>): Job<P> => ({ ...declared, declares: 'job' })
