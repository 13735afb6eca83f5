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

/** So many jobs at once; of the long ones fewer, since each keeps a core busy. */
const concurrency = { short: 4, long: 2 }
const pollMs = 1_000

export interface Worker extends AsyncDisposable {
  /** Rejects when the worker ends by itself. */
  ended: Promise<void>
}

/** Does the jobs of the product, any number of workers side by side. Nobody waits behind the long ones. */
export async function startWorker(world: World, product: Product): Promise<Worker> {
  const stopping = new AbortController()
  const { short, long } = byLength(product)
  const living = keepSaying(world)
  const start = (jobs: readonly AnyJob[], concurrency: number): Promise<Runner> =>
    run({
      connectionString: world.db.url,
      concurrency,
      // One to hear of new jobs, and one to spare.
      maxPoolSize: concurrency + 2,
      pollInterval: pollMs,
      noHandleSignals: true,
      events: living.events(),
      taskList: tasksOf(world, { ...product, jobs }, stopping.signal),
      parsedCronItems: parseCronItems(cronsOf(jobs)),
      logger: new Logger(() => (level, message) => {
        if (['error', 'warning'].includes(level)) world.log.warn({ message }, 'the job queue')
      }),
    })
  const runners = [await start(short, concurrency.short)]
  if (long.length > 0) runners.push(await start(long, concurrency.long))
  const placing = setInterval(() => void world.channels.placeStarving(starvingMs).catch(() => undefined), pollMs)
  return {
    ended: Promise.race(runners.map(({ promise }) => promise)),
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await Promise.all(runners.map(runner => runner.stop()))
      await living.end()
      clearInterval(placing)
    },
  }
}

const byLength = ({ jobs }: Product) => ({
  short: jobs.filter(({ isLong = false }) => !isLong),
  long: jobs.filter(({ isLong = false }) => isLong),
})

/** The others are told again and again that the worker lives: its jobs are theirs once it does not. */
function keepSaying({ jobs, log }: World) {
  const ids = new Set<string>()
  const say = () => {
    // Silence for longer than that is what the others are to notice.
    for (const id of ids)
      jobs
        .workerLives(id)
        .catch((error: unknown) => log.warn(describeError(error), 'a worker could not say that it lives'))
  }
  const timer = setInterval(say, workerSeenEveryMs)
  return {
    /** Those of one runner, under whose id its jobs are locked. */
    events(): WorkerEvents {
      const events: WorkerEvents = new EventEmitter()
      events.once('pool:create', ({ workerPool }) => {
        ids.add(workerPool.id)
        say()
      })
      return events
    },
    async end() {
      clearInterval(timer)
      await Promise.all([...ids].map(id => jobs.workerEnded(id).catch(() => undefined)))
    },
  }
}

/** Each job as graphile-worker wants it: what it throws is retried with back-off. */
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
        world.log.warn({ job: job.name, attempt: row.attempts, ...describeError(error) }, 'a job failed')
        throw error
      }
    }
  }
  return Object.fromEntries(product.jobs.map(job => [job.name, task(job)]))
}

/** graphile-worker adds when and why to the payload of a job that ran by the clock. */
function withoutCron(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || !('_cron' in payload)) return payload
  return Object.fromEntries(Object.entries(payload).filter(([name]) => name !== '_cron'))
}

const cronsOf = (jobs: readonly AnyJob[]) =>
  jobs.flatMap(({ name, cron }) =>
    cron === undefined ? [] : [{ task: name, match: cron, identifier: name, options: { backfillPeriod: 0 } }],
  )
