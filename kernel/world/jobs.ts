import { type Job } from '../job'
import { type Database } from './database'

export type Jobs = ReturnType<typeof createJobs>

/** Asks for jobs, as rows of the transaction that wants them (graphile-worker). */
export function createJobs(db: Database) {
  return {
    async enqueue(job: Job, payload: unknown, options: { key?: string; runAt?: Date } = {}): Promise<void> {
      await db.query(
        `select graphile_worker.add_job(
           :name, payload := cast(:payload as json), max_attempts := :attemptsMax, job_key := :key,
           run_at := cast(:runAt as timestamptz))`,
        {
          name: job.name,
          payload: JSON.stringify(payload),
          attemptsMax: job.attemptsMax,
          key: options.key ?? null,
          runAt: options.runAt?.toISOString() ?? null,
        },
      )
    },

    /**
     * Takes jobs out of the queue that will never be tried again: their worker died, and a new job took their place. They
     * are unlocked by the queue itself, after four hours.
     */
    async forgetDead({ name }: Pick<Job, 'name'>): Promise<void> {
      await db.query(
        `select count(*) from graphile_worker.complete_jobs(array(
           select id from graphile_worker.jobs
           where task_identifier = :name and key is null and attempts >= max_attempts
             and (locked_at is null or locked_at < now() - interval '4 hours')))`,
        { name },
      )
    },
  }
}

/**
 * SQL: a job of this key is waiting, or a worker took it up within the last `withinMs`; both are expressions. Enqueuing under
 * the key of a job that is locked leaves that one to its worker, never to be tried again, and makes a new one.
 */
export const isJobAlive = (key: string, withinMs: string): string =>
  `exists (select from graphile_worker.jobs job where job.key = ${key} and case when job.locked_at is null
     then job.attempts < job.max_attempts
     else job.locked_at > clock_timestamp() - (${withinMs}) * interval '1 millisecond' end)`
