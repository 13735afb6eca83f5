import { fork } from 'node:child_process'
import { join } from 'node:path'
import { type PresenceTimes } from '../../kernel/world/presence'
import { readConfig } from '../../kernel/world/config'
import { createWorld, type World } from '../../kernel/world'
import { startWeb } from '../../server/main'
import { product } from '../../skills'
import { type TestWorld } from '../world'

export interface QuickNode extends AsyncDisposable {
  world: World
  url: string
}

/** Starts another node of a test app with shorter presence leases, because leases use the time of Redis, which tests cannot fake. */
export async function startQuickNode(test: TestWorld, presence: PresenceTimes): Promise<QuickNode> {
  const { db: database, log } = test.world
  const world = await createWorld(readConfig(test.variables), { clock: test.clock, log, database, presence })
  await world.redis.ready(5_000)
  const node = await startWeb(world, product, 0)
  return {
    world,
    url: `http://127.0.0.1:${node.port}`,
    [Symbol.asyncDispose]: async () => {
      await node[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

export interface NodeProcess extends AsyncDisposable {
  url: string
  signal(kind: NodeJS.Signals): void
}

/** The same in a child process, which tests can send signals. */
export async function startNodeProcess(test: TestWorld, presence: PresenceTimes): Promise<NodeProcess> {
  const child = fork(join(__dirname, 'presence-node.ts'), [JSON.stringify(presence)], {
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
