import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** What a running stack tells the other commands. */
export interface Running {
  pid: number
  /** The addresses of the two nodes. */
  nodes: string[]
  issuer: string | undefined
}

const portsAbove = 4

/** The port of the first node; what else has a fixed one listens just above it. */
export function portOf(variables: Readonly<Record<string, string | undefined>>): number {
  const port = Number(variables.PORT || 3000)
  if (Number.isInteger(port) && port > 0 && port + portsAbove <= 65535) return port
  throw new Error(`PORT must be a whole number from 1 to ${65535 - portsAbove}: ${portsAbove} above it are used too.`)
}

/** Everything of the stack on this port is kept here; stacks on other ports have folders of their own. */
export const folderOf = (port: number): string => resolve('.tutti', String(port))

const fileOf = (port: number) => join(folderOf(port), 'running.json')

/** The stack that runs on this port, or undefined when none does. */
export async function readRunning(port: number): Promise<Running | undefined> {
  const text = await readFile(fileOf(port), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const running = JSON.parse(text) as Running
  return isAlive(running.pid) ? running : undefined
}

/** Says that this process runs the stack, until disposed. */
export async function announceRunning(port: number, running: Running): Promise<AsyncDisposable> {
  await writeFile(fileOf(port), JSON.stringify(running, null, 2), { mode: 0o600 })
  return { [Symbol.asyncDispose]: () => rm(fileOf(port), { force: true }) }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
