import { Logger, parseCronItems, run, type Runner, type TaskList, type WorkerEvents } from 'graphile-worker'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { type AnyJob } from '../kernel/job'
import { type Product } from '../kernel/product'
import { parse } from '../kernel/schema'
import { transact } from '../kernel/transact'
import { describeError } from '../kernel/world/log'
import { starvingMs } from '../kernel/world/channel-log'
import { workerSeenEveryMs } from '../kernel/world/jobs'
import { type World } from '../kernel/world'

/** Concurrent jobs per pool; fewer long ones, because each keeps a core busy. */
const concurrency = { short: 4, long: 2 }
const pollMs = 1_000

export interface Worker extends AsyncDisposable {
  /** Settles when a runner stops; rejects on its error. */
  ended: Promise<void>
}

/** Starts a job worker. Any number may run in parallel. Long jobs have a pool of their own, so that short ones do not wait. */
export async function startWorker(world: World, product: Product): Promise<Worker> {
  const stopping = new AbortController()
  const { short, long } = byLength(product)
  const heartbeat = startHeartbeat(world)
  const start = (jobs: readonly AnyJob[], concurrency: number): Promise<Runner> =>
    run({
      connectionString: world.db.url,
      concurrency,
      // One connection for LISTEN and one in reserve.
      maxPoolSize: concurrency + 2,
      pollInterval: pollMs,
      noHandleSignals: true,
      events: heartbeat.events(),
      taskList: tasksOf(world, { ...product, jobs }, stopping.signal),
      parsedCronItems: parseCronItems(cronsOf(jobs)),
      logger: new Logger(() => (level, message) => {
        if (['error', 'warning'].includes(level)) world.log.warn({ message }, 'graphile-worker')
      }),
    })
  const runners = [await start(short, concurrency.short)]
  if (long.length > 0) runners.push(await start(long, concurrency.long))
  const assigningOffsets = setInterval(
    () => void world.channels.placeStarving(starvingMs).catch(() => undefined),
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

const byLength = ({ jobs }: Product) => ({
  short: jobs.filter(({ isLong = false }) => !isLong),
  long: jobs.filter(({ isLong = false }) => isLong),
})

/** Writes heartbeats, so that other workers take the jobs of a dead worker over. */
function startHeartbeat({ jobs, log }: World) {
  const ids = new Set<string>()
  const beat = () => {
    // Failures are only logged: the next beat retries, and a longer silence must look like a dead worker.
    for (const id of ids)
      jobs
        .workerLives(id)
        .catch((error: unknown) => log.warn(describeError(error), 'could not write a worker heartbeat'))
  }
  const timer = setInterval(beat, workerSeenEveryMs)
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
      await Promise.all([...ids].map(id => jobs.workerEnded(id).catch(() => undefined)))
    },
  }
}

/** Wraps the jobs as graphile-worker tasks, which retry with back-off when they throw. */
export function tasksOf(world: World, product: Product, signal: AbortSignal): TaskList {
  const task = (job: AnyJob): TaskList[string] => {
    return async (payload, { job: row }) => {
      try {
        await job.run(parse(job.payload, withoutCron(payload)), {
          world,
          attempt: row.attempts,
          isLastAttempt: row.attempts >= row.max_attempts,
          signal,
          transact: work => transact({ world, product, actor: null, requestId: randomUUID() }, work),
        })
        world.metrics.jobs.inc({ job: job.name, outcome: 'done' })
      } catch (error) {
        world.metrics.jobs.inc({ job: job.name, outcome: 'failed' })
        world.log.warn({ job: job.name, attempt: row.attempts, ...describeError(error) }, 'job failed')
        throw error
      }
    }
  }
  return Object.fromEntries(product.jobs.map(job => [job.name, task(job)]))
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
