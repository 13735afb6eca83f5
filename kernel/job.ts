import { type Context } from './context'
import { type Field } from './schema'
import { type World } from './world'

/**
 * Work that is slow or wide, done by a worker after the transaction that asked for it has committed, at least once: every
 * job must be safe to run twice. What it throws is retried with back-off, `attemptsMax` times in all.
 */
export interface Job<P = unknown> {
  readonly name: `${string}.${string}`
  readonly payload: Field<P>
  readonly attemptsMax: number
  /** It may take minutes or more: such jobs are done apart from the others, so that nobody waits behind them. */
  readonly isLong?: true
  /** Nobody waits for it: it is begun only while no other job waits that is as long or as short. Those that yield keep their turns. */
  readonly yields?: true
  /** When it runs by itself, in crontab form (UTC). */
  readonly cron?: string
  run(payload: NoInfer<P>, context: JobContext): Promise<void>
}

export type AnyJob = Job

export interface JobOptions {
  /** Takes the place of a waiting job of the same key. */
  key?: string
  runAt?: Date
  /** Nobody asked for it: it is begun behind all that somebody did. Asked for again, under its key, it comes forward. */
  isUnasked?: true
}

export interface JobContext {
  world: World
  /** Which attempt this is, from 1. */
  attempt: number
  isLastAttempt: boolean
  /** Aborted when the worker is told to stop. */
  signal: AbortSignal
  /** One transaction: the rows, the events and the jobs of `work` exist together or not at all. */
  readonly transact: <T>(work: (context: Context) => Promise<T>) => Promise<T>
}

export const job = <P>(declared: Job<P>): Job<P> => declared
