import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** What a running stack records for the other commands, such as `npm run token`. */
export interface RunningStack {
  pid: number
  /** The addresses of the two nodes. */
  nodes: string[]
  issuer: string | undefined
}

const extraPorts = 4

/**
 * The port of the first node: `PORT`, or 3000. The other services of the stack use the ports right above it.
 * @throws Error when `PORT` is not a usable port.
 */
export function readPort(variables: Readonly<Record<string, string | undefined>>): number {
  const port = Number(variables.PORT || 3000)
  if (Number.isInteger(port) && port > 0 && port + extraPorts <= 65535) return port
  throw new Error(
    `PORT must be a whole number from 1 to ${65535 - extraPorts}: the ${extraPorts} ports above it are used as well.`,
  )
}

/** The data folder of the stack on this port; each port has its own. */
export const stackFolder = (port: number): string => resolve('.tutti', String(port))

const recordFile = (port: number) => join(stackFolder(port), 'running.json')

/** The stack that runs on this port, or undefined when none does. */
export async function readRunningStack(port: number): Promise<RunningStack | undefined> {
  const text = await readFile(recordFile(port), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const running = JSON.parse(text) as RunningStack
  return isAlive(running.pid) ? running : undefined
}

/** Records that this process runs the stack on this port; disposing removes the record. */
export async function recordRunningStack(port: number, running: RunningStack): Promise<AsyncDisposable> {
  await writeFile(recordFile(port), JSON.stringify(running, null, 2), { mode: 0o600 })
  return { [Symbol.asyncDispose]: () => rm(recordFile(port), { force: true }) }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
