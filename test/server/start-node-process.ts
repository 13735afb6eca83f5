import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort } from '../../dev/processes/find-free-port'
import { type Exit, supervise } from '../../dev/processes/supervise'
import { testStack } from '../stack'

export interface NodeProcess extends AsyncDisposable {
  url: string
  port: number
  pid: number
  exited: Promise<Exit>
  signal(name: NodeJS.Signals): void
}

const typescript = join(__dirname, '..', 'dev', 'processes-fixture', 'typescript.js')
const main = join(__dirname, '..', '..', 'server', 'main.ts')

/** Starts a node in a child process, as in production, so that tests can send it signals. */
export async function startNodeProcess(variables: Record<string, string>): Promise<NodeProcess> {
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const env = { ...process.env, ...variables, PORT: String(port) }
  const logFile = join(testStack().folder, `node-${port}.log`)
  const running = supervise(process.execPath, ['-r', typescript, main], { name: 'node', env, logFile })
  let exit: Exit | undefined
  void running.exited.then(found => (exit = found))
  // Compiling the sources takes a while on a busy machine.
  while (!(await isReady(url))) {
    if (exit !== undefined) throw new Error(`the node exited: ${await readFile(logFile, 'utf8')}`)
    await pause(50)
  }
  return {
    url,
    port,
    pid: running.pid,
    exited: running.exited,
    signal: name => process.kill(running.pid, name),
    [Symbol.asyncDispose]: () => running.stop('SIGKILL'),
  }
}

const isReady = (url: string) =>
  fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
