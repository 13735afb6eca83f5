import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Logger, runOnce } from 'graphile-worker'
import { Pool } from 'pg'
import { audience } from '../dev/stack'
import { type Issuer, startIssuer } from '../dev/issuer'
import { readConfig } from '../kernel/platform/config'
import { openDatabase } from '../kernel/platform/database'
import { createLog, type Log } from '../kernel/platform/log'
import { counterWindowMs } from '../kernel/events/counter'
import { counterTargetKey } from '../kernel/events/counters'
import { createAppContext, type AppContext } from '../kernel/platform/app-context'
import { startWeb, type WebNode } from '../server/main'
import { createTaskList } from '../server/job-worker'
import { registry } from '../skills'
import { type TestClock, createTestClock } from './test-clock'
import { waitUntil } from './kernel/wait-until'
import { Person, type PersonOptions } from './person'
import { freshDatabase, testStack } from './stack'

export interface TestNode extends WebNode {
  app: AppContext
  /** `http://127.0.0.1:port` */
  url: string
}

export interface TestApp extends AsyncDisposable {
  nodes: readonly TestNode[]
  /** The app context of the first node. */
  app: AppContext
  issuer: Issuer
  clock: TestClock
  variables: Readonly<Record<string, string>>
  /** Signs a user in; users are connected to the nodes round robin. */
  signIn(name: string, options?: PersonOptions): Promise<Person>
  /** Resolves when all counter changes are applied; advances the clock to the end of their windows. */
  applyCounters(): Promise<void>
  /** Runs all due jobs, as a worker does. */
  runJobs(): Promise<void>
}

export interface TestAppOptions {
  /** Default 2, so that tests find code that works on a single node only. */
  nodes?: number
  variables?: Record<string, string>
  /** Default: silent. */
  log?: Log
}

/** Starts an isolated app: its own database, Redis prefix, token issuer and nodes. Only the clock is fake. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { nodes: nodeCount = 2, variables: more = {} } = options
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const stack = testStack()
  const keys = join(stack.folder, 'issuers')
  await mkdir(keys, { recursive: true })
  const clock = createTestClock()
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
    EVENT_LOOP_LAG_MAX_MS: '600000',
    ...more,
  }
  const config = readConfig(variables)
  const log = options.log ?? createLog(config.logLevel)
  // The models are bound to one database connection per process, so the nodes of a test share it. They share nothing else.
  const database = keep(await openDatabase(config, log))
  const nodes: TestNode[] = []
  for (let index = 0; index < nodeCount; index += 1) {
    const app = keep(await createAppContext(config, { clock, log, database }))
    await app.redis.ready(5_000)
    const node = keep(await startWeb(app, registry, 0))
    nodes.push(Object.assign(node, { app, url: `http://127.0.0.1:${node.port}` }))
  }
  const [first] = nodes
  if (first === undefined) throw new Error('the test app needs at least one node')

  // Of its own each run of the jobs would need new connections, which cost more than most jobs.
  const jobConnections = new Pool({ connectionString: url })
  // Tests end connections on purpose; the next run has another.
  jobConnections.on('error', () => undefined)
  jobConnections.on('connect', client => client.on('error', () => undefined))
  keep({ [Symbol.asyncDispose]: () => jobConnections.end() })

  let personCount = 0
  return {
    nodes,
    app: first.app,
    issuer,
    clock,
    variables,
    async signIn(name, options = {}) {
      const node = nodes[options.node ?? personCount % nodes.length] ?? first
      personCount += 1
      const token = await issuer.issueToken(name, options)
      return keep(await Person.signIn(name, token, node.url, () => clock.now()))
    },
    async applyCounters() {
      clock.advance(2 * counterWindowMs)
      await waitUntil(async () => {
        const pending = await first.app.db.query<CounterTarget>(
          'select distinct counter, target_id as id from counter_changes',
        )
        first.app.counters.notify(new Set(pending.map(({ counter, id }) => counterTargetKey(counter, id))))
        return pending.length === 0
      })
    },
    async runJobs() {
      const taskList = createTaskList(first.app, registry, new AbortController().signal)
      await runOnce({ pgPool: jobConnections, taskList, noHandleSignals: true, logger: silentLogger })
    },
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}

interface CounterTarget {
  counter: string
  id: string
}

const silentLogger = new Logger(() => () => undefined)
