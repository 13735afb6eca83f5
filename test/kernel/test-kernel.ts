import { randomUUID } from 'node:crypto'
import { audience } from '../../dev/stack'
import { type Issuer, startIssuer } from '../../dev/issuer'
import { type Actor } from '../../kernel/pipeline/actor'
import { execute } from '../../kernel/pipeline/execute'
import { type Answer, type Call } from '../../kernel/pipeline/call'
import { newId } from '../../kernel/pipeline/new-id'
import { type AnyOperation } from '../../kernel/pipeline/operation'
import { type Registry } from '../../kernel/pipeline/registry'
import { toRefusal } from '../../kernel/pipeline/errors'
import { type Problem } from '../../kernel/pipeline/refusals'
import { readConfig } from '../../kernel/platform/config'
import { type Database, openDatabase } from '../../kernel/platform/database'
import { createLog, type Log } from '../../kernel/platform/log'
import { createAppContext, type AppContext } from '../../kernel/platform/app-context'
import { startWeb, type WebNode } from '../../server/main'
import { freshDatabase, testStack } from '../stack'
import { type TestClock, createTestClock } from '../test-clock'

export interface TestKernelOptions {
  registry: Registry
  /** The number of app contexts, which share one database and Redis prefix. */
  nodes?: number
  variables?: Record<string, string>
  log?: Log
  /** SQL that creates the tables of the registry. */
  tables?: string
}

export interface TestKernel extends AsyncDisposable {
  apps: readonly AppContext[]
  app: AppContext
  issuer: Issuer
  clock: TestClock
  url: string
  variables: Readonly<Record<string, string>>
  sql: <R extends object>(sql: string, names?: Record<string, unknown>) => Promise<R[]>
  /** Starts the REST and Socket.IO server of a node. */
  startWeb(node?: number): Promise<WebNode & { url: string }>
  call(op: AnyOperation, input: unknown, more?: Partial<Call> & { node?: number }): Promise<Answer>
  expectProblem(op: AnyOperation, input: unknown, more?: Partial<Call> & { node?: number }): Promise<Problem>
}

export const createActor = (...roles: string[]): Actor => ({ id: newId(new Date()), roles })

/** Starts app contexts for the test's own registry; operations are executed directly unless `open` starts a server. */
export async function createTestKernel(options: TestKernelOptions): Promise<TestKernel> {
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const clock = createTestClock()
  const issuer = keep(await startIssuer({ audience, now: () => clock.now() }))
  const database = keep(await freshDatabase())
  const variables = {
    ...testStack().variables,
    NODE_ENV: 'test',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    DATABASE_URL: database.url,
    DATABASE_POOL_MAX: '12',
    REDIS_PREFIX: `test-${randomUUID()}`,
    AUTH_SERVER_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuer.issuer,
    ALLOWED_ORIGINS: 'https://tutti.example',
    DRAIN_SECONDS: '0',
    // A busy test machine has a large event loop lag.
    EVENT_LOOP_LAG_MAX_MS: '600000',
    ...options.variables,
  }
  const config = readConfig(variables)
  const log = options.log ?? createLog(config.logLevel)
  const db: Database = keep(await openDatabase(config, log))
  if (options.tables !== undefined) await db.query(options.tables)
  const apps: AppContext[] = []
  for (let index = 0; index < (options.nodes ?? 1); index += 1)
    apps.push(keep(await createAppContext(config, { clock, log, database: db })))
  if (options.variables?.REDIS_PORT === undefined) await Promise.all(apps.map(({ redis }) => redis.ready(5_000)))
  const at = (node = 0): AppContext => {
    const found = apps[node]
    if (found === undefined) throw new Error('no such node')
    return found
  }
  const call: TestKernel['call'] = (op, input, { node, ...more } = {}) =>
    execute(at(node), options.registry, op, {
      input,
      actor: null,
      ipAddress: '127.0.0.1',
      requestId: randomUUID(),
      ...more,
    })

  return {
    apps,
    app: at(),
    issuer,
    clock,
    url: database.url,
    variables,
    sql: (sql, names) => db.query(sql, names),
    async startWeb(node) {
      const web = keep(await startWeb(at(node), options.registry, 0))
      return Object.assign(web, { url: `http://127.0.0.1:${web.port}` })
    },
    call,
    expectProblem: (op, input, more) =>
      call(op, input, more).then(
        () => Promise.reject(new Error(`${op.name} succeeded`)),
        (error: unknown) => toRefusal(error).toProblem('test'),
      ),
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}
