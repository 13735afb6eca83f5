import { readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePort } from './find-free-port'
import { type Exit, type SupervisedProcess } from './supervise'

export interface Server extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** Resolves when the process has exited; may be called more than once. */
  stop: () => Promise<void>
  /** Stops the server if it runs (with the signal, if given) and starts it again on the same port. */
  restart: (signal?: NodeJS.Signals) => Promise<void>
}

export interface ServerDefinition {
  name: string
  /** Default: a free port. */
  port: number | undefined
  logFile: string
  launch(port: number): Promise<SupervisedProcess>
  /** Whether the process with this pid, and no other, accepts requests on this port. Never rejects. */
  isReady(port: number, pid: number): Promise<boolean>
}

/** Starts a server and waits until it is ready. Rejects with the last lines of its log if it exits before that. */
export async function startServer(plan: ServerDefinition): Promise<Server> {
  const { port, ...first } = await launch(plan, plan.port)
  let running = first.running
  let last: Promise<void> = Promise.resolve()
  // Run steps in order, so that a stop during a restart takes effect after the restart.
  const enqueue = (step: () => Promise<void>) => (last = last.then(step, step))

  const stop = () => enqueue(() => running.stop())
  return {
    port,
    get pid() {
      return running.pid
    },
    stop,
    restart: signal =>
      enqueue(async () => {
        await running.stop(signal)
        running = (await launch(plan, port)).running
      }),
    [Symbol.asyncDispose]: stop,
  }
}

/** Retries, because another process may take the port between its choice and its use. */
const attemptsMax = 3
const startTimeoutMs = 60_000
const pollMs = 15

async function launch(
  plan: ServerDefinition,
  requestedPort: number | undefined,
): Promise<{ port: number; running: SupervisedProcess }> {
  const logStart = await sizeOf(plan.logFile)
  for (let attempt = 1; ; attempt++) {
    const port = requestedPort ?? (await findFreePort())
    const running = await plan.launch(port)
    if (await becomesReady(plan, port, running)) return { port, running }

    if (attempt === attemptsMax) throw new Error(await exitMessage(plan, port, await running.exited, logStart))
    await delay(attempt * 100)
  }
}

/** False if the process exits before it is ready. */
async function becomesReady(plan: ServerDefinition, port: number, running: SupervisedProcess): Promise<boolean> {
  const exited = running.exited.then(() => 'exited' as const)
  const deadline = Date.now() + startTimeoutMs
  while (Date.now() < deadline) {
    if (await plan.isReady(port, running.pid)) return true
    if ((await Promise.race([exited, delay(pollMs)])) === 'exited') return false
  }
  await running.stop()
  throw new Error(`${plan.name} was not ready on port ${port} within ${startTimeoutMs / 1000} s; see ${plan.logFile}`)
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    found => found.size,
    () => 0,
  )
}

const logLinesShown = 15

async function exitMessage(plan: ServerDefinition, port: number, exit: Exit, logStart: number): Promise<string> {
  const log = (await readFile(plan.logFile)).subarray(logStart).toString()
  const cause = exit.signal ?? `exit code ${String(exit.code)}`
  const lines = log.trimEnd().split('\n').slice(-logLinesShown)
  return `${plan.name} did not start on port ${port} (${cause}). ${plan.logFile} ends with:\n${lines.join('\n')}`
}
