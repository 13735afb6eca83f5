import { Logger, parseCronItems, run, type Runner, type TaskList, type WorkerEvents } from 'graphile-worker'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { type AnyJob } from '../kernel/events/job'
import { type Registry } from '../kernel/pipeline/registry'
import { parse } from '../kernel/pipeline/schema'
import { transact } from '../kernel/pipeline/transact'
import { describeError } from '../kernel/platform/log'
import { overdueMs } from '../kernel/events/channel-log'
import { workerHeartbeatMs } from '../kernel/events/job-queue'
import { type AppContext } from '../kernel/platform/app-context'

/** Concurrent jobs per pool; fewer long ones, because each keeps a core busy. */
const concurrency = { short: 4, long: 2 }
const pollMs = 1_000

export interface JobWorker extends AsyncDisposable {
  /** Settles when a runner stops; rejects on its error. */
  ended: Promise<void>
}

/** Starts a job worker. Any number may run in parallel. Long jobs have a pool of their own, so that short ones do not wait. */
export async function startJobWorker(app: AppContext, registry: Registry): Promise<JobWorker> {
  const stopping = new AbortController()
  const { short, long } = byLength(registry)
  const heartbeat = startHeartbeat(app)
  const start = (jobs: readonly AnyJob[], concurrency: number): Promise<Runner> =>
    run({
      connectionString: app.db.url,
      concurrency,
      // One connection for LISTEN and one in reserve.
      maxPoolSize: concurrency + 2,
      pollInterval: pollMs,
      noHandleSignals: true,
      events: heartbeat.events(),
      taskList: createTaskList(app, registry, stopping.signal, jobs),
      parsedCronItems: parseCronItems(cronsOf(jobs)),
      logger: new Logger(() => (level, message) => {
        if (['error', 'warning'].includes(level)) app.log.warn({ message }, 'graphile-worker')
      }),
    })
  const runners = [await start(short, concurrency.short)]
  if (long.length > 0) runners.push(await start(long, concurrency.long))
  const assigningOffsets = setInterval(
    () => void app.channelLog.assignOverdueOffsets(overdueMs).catch(() => undefined),
    pollMs,
  )
  return {
    ended: Promise.race(runners.map(({ promise }) => promise)),
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await Promise.all(runners.map(runner => runner.stop()))
      await heartbeat.stop()
      clearInterval(assigningOffsets)
    },
  }
}

const byLength = ({ jobs }: Registry) => ({
  short: jobs.filter(({ isLong = false }) => !isLong),
  long: jobs.filter(({ isLong = false }) => isLong),
})

/** Writes heartbeats, so that other workers take the jobs of a dead worker over. */
function startHeartbeat({ jobs, log }: AppContext) {
  const ids = new Set<string>()
  const beat = () => {
    // Failures are only logged: the next beat retries, and a longer silence must look like a dead worker.
    for (const id of ids)
      jobs.heartbeat(id).catch((error: unknown) => log.warn(describeError(error), 'could not write a worker heartbeat'))
  }
  const timer = setInterval(beat, workerHeartbeatMs)
  return {
    /** The event emitter for one runner, from which its worker id is read: its jobs are locked under that id. */
    events(): WorkerEvents {
      const events: WorkerEvents = new EventEmitter()
      events.once('pool:create', ({ workerPool }) => {
        ids.add(workerPool.id)
        beat()
      })
      return events
    },
    async stop() {
      clearInterval(timer)
      await Promise.all([...ids].map(id => jobs.unregisterWorker(id).catch(() => undefined)))
    },
  }
}

/** Wraps jobs as graphile-worker tasks, which retry with back-off when they throw. They may enqueue any job of the registry. */
export function createTaskList(
  app: AppContext,
  registry: Registry,
  signal: AbortSignal,
  jobs: readonly AnyJob[] = registry.jobs,
): TaskList {
  const task = (job: AnyJob): TaskList[string] => {
    return async (payload, { job: row }) => {
      try {
        await job.run(parse(job.payload, withoutCron(payload)), {
          app,
          attempt: row.attempts,
          isLastAttempt: row.attempts >= row.max_attempts,
          signal,
          transact: work => transact({ app, registry, actor: null, requestId: randomUUID() }, work),
        })
        app.metrics.jobs.inc({ job: job.name, outcome: 'done' })
      } catch (error) {
        app.metrics.jobs.inc({ job: job.name, outcome: 'failed' })
        app.log.warn({ job: job.name, attempt: row.attempts, ...describeError(error) }, 'job failed')
        throw error
      }
    }
  }
  return Object.fromEntries(jobs.map(job => [job.name, task(job)]))
}

/** graphile-worker adds `_cron` to the payload of scheduled jobs. */
function withoutCron(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || !('_cron' in payload)) return payload
  return Object.fromEntries(Object.entries(payload).filter(([name]) => name !== '_cron'))
}

const cronsOf = (jobs: readonly AnyJob[]) =>
  jobs.flatMap(({ name, cron }) =>
    cron === undefined ? [] : [{ task: name, match: cron, identifier: name, options: { backfillPeriod: 0 } }],
  )
