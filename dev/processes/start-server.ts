import { readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port'
import { type Exit, type Supervised } from './supervise'

export interface Server extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** Resolves when the process is gone; once is enough, more does no harm. */
  stop: () => Promise<void>
  /** Stops it (by the signal, if given) unless it is stopped already, and starts it again on the same port. */
  restart: (signal?: NodeJS.Signals) => Promise<void>
}

export interface ServerPlan {
  name: string
  /** Default: a free one. */
  port: number | undefined
  logFile: string
  launch(port: number): Promise<Supervised>
  /** Does the process with this pid, and no other, serve on this port? Never rejects. */
  isReady(port: number, pid: number): Promise<boolean>
}

/** Starts a server and waits until it serves. Rejects with the last lines of its log if it ends before. */
export async function startServer(plan: ServerPlan): Promise<Server> {
  const { port, ...first } = await launch(plan, plan.port)
  let running = first.running
  let last: Promise<void> = Promise.resolve()
  // One step after the other: a stop asked for in the middle of a restart must have the last word.
  const then = (step: () => Promise<void>) => (last = last.then(step, step))

  const stop = () => then(() => running.stop())
  return {
    port,
    get pid() {
      return running.pid
    },
    stop,
    restart: signal =>
      then(async () => {
        await running.stop(signal)
        running = (await launch(plan, port)).running
      }),
    [Symbol.asyncDispose]: stop,
  }
}

/** Several attempts, since someone else may take the port between its choice and its use. */
const attemptsMax = 3
const startWithinMs = 60_000
const pollMs = 15

async function launch(plan: ServerPlan, wanted: number | undefined): Promise<{ port: number; running: Supervised }> {
  const logStart = await sizeOf(plan.logFile)
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort())
    const running = await plan.launch(port)
    if (await becomesReady(plan, port, running)) return { port, running }

    if (attempt === attemptsMax) throw new Error(await obituary(plan, port, await running.exited, logStart))
    await delay(attempt * 100)
  }
}

/** False if it ended before it served. */
async function becomesReady(plan: ServerPlan, port: number, running: Supervised): Promise<boolean> {
  const gone = running.exited.then(() => 'gone' as const)
  const deadline = Date.now() + startWithinMs
  while (Date.now() < deadline) {
    if (await plan.isReady(port, running.pid)) return true
    if ((await Promise.race([gone, delay(pollMs)])) === 'gone') return false
  }
  await running.stop()
  throw new Error(`${plan.name} did not serve on port ${port} within ${startWithinMs / 1000} s; see ${plan.logFile}`)
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    found => found.size,
    () => 0,
  )
}

const obituaryLines = 15

async function obituary(plan: ServerPlan, port: number, exit: Exit, logStart: number): Promise<string> {
  const log = (await readFile(plan.logFile)).subarray(logStart).toString()
  const cause = exit.signal ?? `exit code ${String(exit.code)}`
  const lines = log.trimEnd().split('\n').slice(-obituaryLines)
  return `${plan.name} did not start on port ${port} (${cause}). ${plan.logFile} ends with:\n${lines.join('\n')}`
}
