import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Logger, runOnce } from 'graphile-worker'
import { audience } from '../dev/stack'
import { type Issuer, startIssuer } from '../dev/issuer'
import { readConfig } from '../kernel/world/config'
import { openDatabase } from '../kernel/world/database'
import { createLog, type Log } from '../kernel/world/log'
import { tallyWindowMs } from '../kernel/tally'
import { targetName } from '../kernel/world/tallies'
import { createWorld, type World } from '../kernel/world'
import { startWeb, type WebNode } from '../server/main'
import { tasksOf } from '../server/worker'
import { product } from '../skills'
import { type TestClock, testClock } from './clock'
import { until } from './kernel/until'
import { Person, type PersonWish } from './people'
import { freshDatabase, testStack } from './stack'

export interface TestNode extends WebNode {
  world: World
  /** `http://127.0.0.1:port` */
  url: string
}

export interface TestWorld extends AsyncDisposable {
  nodes: readonly TestNode[]
  /** The app context of the first node. */
  world: World
  issuer: Issuer
  clock: TestClock
  variables: Readonly<Record<string, string>>
  /** Signs a user in; users are connected to the nodes round robin. */
  person(name: string, options?: PersonWish): Promise<Person>
  /** Resolves when all counter changes are applied; advances the clock to the end of their windows. */
  settle(): Promise<void>
  /** Runs all due jobs, as a worker does. */
  work(): Promise<void>
}

export interface WorldWish {
  /** Default 2, so that tests find code that works on a single node only. */
  nodes?: number
  variables?: Record<string, string>
  /** Default: silent. */
  log?: Log
}

/** Starts an isolated app: its own database, Redis prefix, token issuer and nodes. Only the clock is fake. */
export async function freshWorld(options: WorldWish = {}): Promise<TestWorld> {
  const { nodes: nodeCount = 2, variables: more = {} } = options
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const stack = testStack()
  const keys = join(stack.folder, 'issuers')
  await mkdir(keys, { recursive: true })
  const clock = testClock()
  const issuer = keep(
    await startIssuer({ audience, keyFile: join(keys, `${process.pid}.json`), now: () => clock.now() }),
  )
  const { url } = keep(await freshDatabase())
  const variables = {
    ...stack.variables,
    NODE_ENV: 'test',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    DATABASE_URL: url,
    DATABASE_POOL_MAX: '12',
    REDIS_PREFIX: `test-${randomUUID()}`,
    AUTH_SERVER_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuer.issuer,
    ALLOWED_ORIGINS: 'https://tutti.example',
    DRAIN_SECONDS: '0',
    // A busy test machine has a large event loop lag.
    ADMISSION_LAG_MS: '600000',
    ...more,
  }
  const config = readConfig(variables)
  const log = options.log ?? createLog(config.logLevel)
  // The models are bound to one database connection per process, so the nodes of a test share it. They share nothing else.
  const database = keep(await openDatabase(config, log))
  const nodes: TestNode[] = []
  for (let index = 0; index < nodeCount; index += 1) {
    const world = keep(await createWorld(config, { clock, log, database }))
    await world.redis.ready(5_000)
    const node = keep(await startWeb(world, product, 0))
    nodes.push(Object.assign(node, { world, url: `http://127.0.0.1:${node.port}` }))
  }
  const [first] = nodes
  if (first === undefined) throw new Error('the test app needs at least one node')

  let personCount = 0
  return {
    nodes,
    world: first.world,
    issuer,
    clock,
    variables,
    async person(name, options = {}) {
      const node = nodes[options.node ?? personCount % nodes.length] ?? first
      personCount += 1
      const token = await issuer.tokenFor(name, options)
      return keep(await Person.arrive(name, token, node.url, () => clock.now()))
    },
    async settle() {
      clock.advance(2 * tallyWindowMs)
      await until(async () => {
        const pending = await first.world.db.query<CounterTarget>(
          'select distinct tally, target_id as id from tally_changes',
        )
        first.world.tallies.ring(new Set(pending.map(({ tally, id }) => targetName(tally, id))))
        return pending.length === 0
      })
    },
    async work() {
      const taskList = tasksOf(first.world, product, new AbortController().signal)
      await runOnce({ connectionString: url, taskList, noHandleSignals: true, logger: silentLogger })
    },
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}

interface CounterTarget {
  tally: string
  id: string
}

const silentLogger = new Logger(() => () => undefined)
