import { type Job, type JobOptions } from '../job'
import { type Database } from './database'

/** A worker that was not seen for so long is taken for dead. */
const workerSilentMs = 60_000
/** So often it says that it lives. */
export const workerSeenEveryMs = 15_000

/** Lower numbers are taken first, and jobs of the same number in the order of their time. */
const priorities = { usual: 0, yielding: 10, unasked: 20 }

export type Jobs = ReturnType<typeof createJobs>

/** Asks for jobs, as rows of the transaction that wants them (graphile-worker). */
export function createJobs(db: Database) {
  return {
    async enqueue(job: Job, payload: unknown, options: JobOptions = {}): Promise<void> {
      await db.query(
        `select graphile_worker.add_job(
           :name, payload := cast(:payload as json), max_attempts := :attemptsMax, job_key := :key,
           run_at := cast(:runAt as timestamptz), priority := :priority)`,
        {
          name: job.name,
          payload: JSON.stringify(payload),
          attemptsMax: job.attemptsMax,
          key: options.key ?? null,
          runAt: options.runAt?.toISOString() ?? null,
          priority: priorities[options.isUnasked ? 'unasked' : job.yields ? 'yielding' : 'usual'],
        },
      )
    },

    /** This worker lives. */
    async workerLives(id: string): Promise<void> {
      await db.query(
        `insert into workers values (:id, clock_timestamp()) on conflict (id) do update set seen_at = excluded.seen_at`,
        { id },
      )
    },

    /** This worker has ended, and left no job locked. */
    async workerEnded(id: string): Promise<void> {
      await db.query('delete from workers where id = :id', { id })
    },

    /**
     * Has the jobs of workers that were not seen for a minute done by others. By itself the queue waits for four hours, since
     * it can't tell a worker that was killed from one that is busy.
     */
    async releaseDeadWorkers(): Promise<void> {
      await db.query(
        `with dead as (delete from workers where seen_at < clock_timestamp() - :silentMs * interval '1 millisecond' returning id)
         select graphile_worker.force_unlock_workers(array_agg(id)) from dead having count(*) > 0`,
        { silentMs: workerSilentMs },
      )
    },

    /** How many of a job wait for their turn, counted up to `max`; with those that are worked on. */
    async countAlive({ name }: Pick<Job, 'name'>, max: number): Promise<number> {
      const [found] = await db.query<{ count: string }>(
        `select count(*) from (
           select from graphile_worker.jobs
           where task_identifier = :name and (attempts < max_attempts or locked_at is not null) limit :max) as alive`,
        { name, max },
      )
      return Number(found?.count ?? 0)
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
