import { type JobOptions, type JobSpec } from './job-spec'
import { type Database } from '../platform/database'

/** A worker without a heartbeat for this long is considered dead. */
const workerTimeoutMs = 60_000
/** Interval of a worker's heartbeat. */
export const workerHeartbeatMs = 15_000

/** Lower numbers run first; jobs of the same priority run in the order of their time. */
const priorities = { usual: 0, yielding: 10, unasked: 20 }

export type JobQueue = ReturnType<typeof createJobQueue>

/** The job queue (graphile-worker). Jobs are rows, enqueued within the current transaction. */
export function createJobQueue(db: Database) {
  return {
    async enqueue(job: JobSpec, payload: unknown, options: JobOptions = {}): Promise<void> {
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
          priority: priorities[options.isBackground ? 'unasked' : job.isLowPriority ? 'yielding' : 'usual'],
        },
      )
    },

    /** Heartbeat of a worker. */
    async heartbeat(id: string): Promise<void> {
      await db.query(
        `insert into workers values (:id, clock_timestamp()) on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`,
        { id },
      )
    },

    /** Unregisters a worker that has stopped and holds no locked jobs. */
    async unregisterWorker(id: string): Promise<void> {
      await db.query('delete from workers where id = :id', { id })
    },

    /**
     * Unlocks the jobs of workers without a heartbeat for a minute. By itself graphile-worker waits four hours, because it
     * cannot tell a killed worker from a busy one.
     */
    async releaseDeadWorkers(): Promise<void> {
      await db.query(
        `with dead as (delete from workers where heartbeat_at < clock_timestamp() - :silentMs * interval '1 millisecond' returning id)
         select graphile_worker.force_unlock_workers(array_agg(id)) from dead having count(*) > 0`,
        { silentMs: workerTimeoutMs },
      )
    },

    /** Number of waiting and running jobs of this name, counted up to `max`. */
    async countPending({ name }: Pick<JobSpec, 'name'>, max: number): Promise<number> {
      const [found] = await db.query<{ count: string }>(
        `select count(*) from (
           select from graphile_worker.jobs
           where task_identifier = :name and (attempts < max_attempts or locked_at is not null) limit :max) as alive`,
        { name, max },
      )
      return Number(found?.count ?? 0)
    },

    /**
     * Completes jobs that will never be retried: their worker died and a new job replaced them under their key.
     * graphile-worker unlocks them only after four hours.
     */
    async completeAbandoned({ name }: Pick<JobSpec, 'name'>): Promise<void> {
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
 * SQL: a job with this key is waiting, or a worker locked it within the last `withinMs`; both parameters are SQL expressions.
 * Enqueuing under the key of a locked job creates a new job and takes the old one's retries away.
 */
export const jobAliveSql = (key: string, withinMs: string): string =>
  `exists (select from graphile_worker.jobs job where job.key = ${key} and case when job.locked_at is null
     then job.attempts < job.max_attempts
     else job.locked_at > clock_timestamp() - (${withinMs}) * interval '1 millisecond' end)`
