import { Logger, parseCronItems, run, type Runner, type TaskList, type WorkerEvents } from 'graphile-worker'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { type AnyJob } from '../kernel/job'
import { type Product } from '../kernel/product'
import { parse } from '../kernel/schema'
import { transact } from '../kernel/transact'
import { describeError } from '../kernel/world/log'
import { workerSeenEveryMs } from '../kernel/world/jobs'
import { type World } from '../kernel/world'

export const concurrency = 2
const pollMs = 1_000

export interface Worker extends AsyncDisposable {
  /** Rejects when the worker ends by itself. */
  ended: Promise<void>
}

/** Does the jobs of the product, any number of workers side by side. */
export async function startWorker(world: World, product: Product): Promise<Worker> {
  const stopping = new AbortController()
  const events: WorkerEvents = new EventEmitter()
  const living = keepSaying(world, events)
  const runner: Runner = await run({
    connectionString: world.db.url,
    concurrency,
    pollInterval: pollMs,
    noHandleSignals: true,
    events,
    taskList: tasksOf(world, product, stopping.signal),
    parsedCronItems: parseCronItems(cronsOf(product)),
    logger: new Logger(() => (level, message) => {
      if (['error', 'warning'].includes(level)) world.log.warn({ message }, 'the job queue')
    }),
  })
  return {
    ended: runner.promise,
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await runner.stop()
      await living.end()
    },
  }
}

/** The others are told again and again that the worker lives: its jobs are theirs once it does not. */
function keepSaying({ jobs, log }: World, events: WorkerEvents) {
  let id: string | undefined
  const say = () => {
    if (id === undefined) return
    // Silence for longer than that is what the others are to notice.
    jobs
      .workerLives(id)
      .catch((error: unknown) => log.warn(describeError(error), 'a worker could not say that it lives'))
  }
  events.once('pool:create', ({ workerPool }) => {
    id = workerPool.id
    say()
  })
  const timer = setInterval(say, workerSeenEveryMs)
  return {
    async end() {
      clearInterval(timer)
      if (id !== undefined) await jobs.workerEnded(id).catch(() => undefined)
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

const cronsOf = (product: Product) =>
  product.jobs.flatMap(({ name, cron }) =>
    cron === undefined ? [] : [{ task: name, match: cron, identifier: name, options: { backfillPeriod: 0 } }],
  )
