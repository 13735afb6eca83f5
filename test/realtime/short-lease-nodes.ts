import { fork } from 'node:child_process'
import { join } from 'node:path'
import { type PresenceTimings } from '../../kernel/platform/presence-store'
import { readConfig } from '../../kernel/platform/config'
import { createAppContext, type AppContext } from '../../kernel/platform/app-context'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'
import { type TestApp } from '../test-app'

export interface ShortLeaseNode extends AsyncDisposable {
  app: AppContext
  url: string
}

/** Starts another node of a test app with shorter presence leases, because leases use the time of Redis, which tests cannot fake. */
export async function startShortLeaseNode(test: TestApp, presence: PresenceTimings): Promise<ShortLeaseNode> {
  const { db: database, log } = test.app
  const app = await createAppContext(readConfig(test.variables), { clock: test.clock, log, database, presence })
  await app.redis.ready(5_000)
  const node = await startWeb(app, registry, 0)
  return {
    app,
    url: `http://127.0.0.1:${node.port}`,
    [Symbol.asyncDispose]: async () => {
      await node[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
    },
  }
}

export interface NodeProcess extends AsyncDisposable {
  url: string
  signal(kind: NodeJS.Signals): void
}

/** The same in a child process, which tests can send signals. */
export async function startShortLeaseProcess(test: TestApp, presence: PresenceTimings): Promise<NodeProcess> {
  const child = fork(join(__dirname, 'short-lease-node.ts'), [JSON.stringify(presence)], {
    execArgv: ['-r', join(__dirname, '..', 'dev', 'processes-fixture', 'typescript.js')],
    env: { ...process.env, ...test.variables },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const port = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`the node exited with ${code}`)))
  })
  return {
    url: `http://127.0.0.1:${String(port)}`,
    signal: kind => child.kill(kind),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
