import { randomUUID } from 'node:crypto'
import { audience } from '../../dev/stack'
import { type Issuer, startIssuer } from '../../dev/issuer'
import { type Actor } from '../../kernel/actor'
import { type Answer, type Call, execute } from '../../kernel/execute'
import { newId } from '../../kernel/ids'
import { type AnyOperation } from '../../kernel/operation'
import { type Product } from '../../kernel/product'
import { toRefusal } from '../../kernel/faults'
import { type Problem } from '../../kernel/refusals'
import { readConfig } from '../../kernel/world/config'
import { type Database, openDatabase } from '../../kernel/world/database'
import { createLog, type Log } from '../../kernel/world/log'
import { createWorld, type World } from '../../kernel/world'
import { startWeb, type WebNode } from '../../server/main'
import { freshDatabase, testStack } from '../stack'
import { type TestClock, testClock } from '../clock'

export interface OwnWish {
  product: Product
  /** The number of app contexts, which share one database and Redis prefix. */
  nodes?: number
  variables?: Record<string, string>
  log?: Log
  /** SQL that creates the tables of the registry. */
  tables?: string
}

export interface OwnWorld extends AsyncDisposable {
  worlds: readonly World[]
  world: World
  issuer: Issuer
  clock: TestClock
  url: string
  variables: Readonly<Record<string, string>>
  sql: <R extends object>(sql: string, names?: Record<string, unknown>) => Promise<R[]>
  /** Starts the REST and Socket.IO server of a node. */
  open(node?: number): Promise<WebNode & { url: string }>
  call(op: AnyOperation, input: unknown, more?: Partial<Call> & { node?: number }): Promise<Answer>
  refused(op: AnyOperation, input: unknown, more?: Partial<Call> & { node?: number }): Promise<Problem>
}

export const someone = (...roles: string[]): Actor => ({ id: newId(new Date()), roles })

/** Starts app contexts for the test's own registry; operations are executed directly unless `open` starts a server. */
export async function ownWorld(options: OwnWish): Promise<OwnWorld> {
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const clock = testClock()
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
    ADMISSION_LAG_MS: '600000',
    ...options.variables,
  }
  const config = readConfig(variables)
  const log = options.log ?? createLog(config.logLevel)
  const db: Database = keep(await openDatabase(config, log))
  if (options.tables !== undefined) await db.query(options.tables)
  const worlds: World[] = []
  for (let index = 0; index < (options.nodes ?? 1); index += 1)
    worlds.push(keep(await createWorld(config, { clock, log, database: db })))
  if (options.variables?.REDIS_PORT === undefined) await Promise.all(worlds.map(({ redis }) => redis.ready(5_000)))
  const at = (node = 0): World => {
    const found = worlds[node]
    if (found === undefined) throw new Error('there is no such node')
    return found
  }
  const call: OwnWorld['call'] = (op, input, { node, ...more } = {}) =>
    execute(at(node), options.product, op, {
      input,
      actor: null,
      address: '127.0.0.1',
      requestId: randomUUID(),
      ...more,
    })

  return {
    worlds,
    world: at(),
    issuer,
    clock,
    url: database.url,
    variables,
    sql: (sql, names) => db.query(sql, names),
    async open(node) {
      const web = keep(await startWeb(at(node), options.product, 0))
      return Object.assign(web, { url: `http://127.0.0.1:${web.port}` })
    },
    call,
    refused: (op, input, more) =>
      call(op, input, more).then(
        () => Promise.reject(new Error(`${op.name} succeeded`)),
        (error: unknown) => toRefusal(error).toProblem('test'),
      ),
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]()
    },
  }
}
