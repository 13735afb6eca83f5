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
  }
}
