import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as RedisClient } from 'ioredis'
import { Client, type QueryResultRow } from 'pg'
import { type Issuer, startIssuer } from '../../dev/issuer'
import { type Postgres, startPostgres } from '../../dev/processes/postgres'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { audience } from '../../dev/stack'
import { migrateUp } from '../../migrations/migrate'
import { bundleProgram, type Node, startNode } from './node'

export type ClusterKind = 'tutti' | 'bare'

/** A private PostgreSQL, Redis, issuer and nodes, which experiments may stop, freeze, wipe and kill. */
export interface Cluster extends AsyncDisposable {
  kind: ClusterKind
  nodes: readonly Node[]
  postgres: Postgres
  redis: Redis
  issuer: Issuer
  sql<R extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>
  /** Sends one command over a new connection. */
  redisCommand(command: string, ...args: string[]): Promise<unknown>
  variables: Readonly<Record<string, string>>
  /** The folder of the logs. */
  folder: string
}

const nodeCount = 3
const connectionsMax = 200

export async function startCluster(kind: ClusterKind): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-chaos-'))
  const parts: AsyncDisposable[] = [
    { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) },
  ]
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const dispose = async () => {
    for (const part of parts) await part[Symbol.asyncDispose]()
  }
  try {
    // Durable, because a crash without fsync may lose acknowledged writes.
    const [postgres, redis, issuer] = await Promise.all([
      startPostgres({ folder: join(folder, 'postgres'), durable: true, maxConnections: connectionsMax }).then(keep),
      startRedis({ folder: join(folder, 'redis') }).then(keep),
      startIssuer({ audience }).then(keep),
    ])
    await postgres.createDatabase(database)
    const url = postgres.databaseUrl(database)
    await migrateUp(url)
    const variables = {
      ...unusedSettings,
      NODE_ENV: 'production',
      LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'warn',
      DRAIN_SECONDS: '1',
      // Everything runs on one machine, so a large event loop lag does not mean an overloaded node.
      EVENT_LOOP_LAG_MAX_MS: '5000',
      DATABASE_URL: url,
      DATABASE_POOL_MAX: '12',
      REDIS_HOST: redis.host,
      REDIS_PORT: String(redis.port),
      AUTH_SERVER_JWKS_URL: issuer.jwksUrl,
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: audience,
    }
    const program = await bundleProgram(`${kind}-node.ts`, folder)
    const names = Array.from({ length: nodeCount }, (_, index) => `node-${index + 1}`)
    const nodes = await Promise.all(
      names.map(async name => {
        const own = { ...variables, DATABASE_URL: await asRole(url, name) }
        return keep(await startNode(name, program, folder, own))
      }),
    )
    return {
      kind,
      nodes,
      postgres,
      redis,
      issuer,
      variables,
      folder,
      sql: (text, values = []) => query(url, text, values),
      redisCommand: (command, ...args) => sendRedisCommand(redis.url, command, args),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

const database = 'chaos'
/** Settings that a node requires but does not use here. */
const unusedSettings = { AWS_REGION: 'eu-central-1', S3_BUCKET_NAME: 'unused', S3_ENDPOINT: 'http://127.0.0.1:9' }

/** Creates a role per node, so that `pg_stat_activity` shows which node a connection belongs to. */
async function asRole(url: string, name: string): Promise<string> {
  await query(url, `create role "${name}" superuser login password '${name}'`, [])
  const roleUrl = new URL(url)
  roleUrl.username = roleUrl.password = name
  return roleUrl.href
}

async function query<R extends QueryResultRow>(url: string, text: string, values: readonly unknown[]): Promise<R[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<R>(text, [...values])).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function sendRedisCommand(url: string, command: string, args: readonly string[]): Promise<unknown> {
  const client = new RedisClient(url, { retryStrategy: null, maxRetriesPerRequest: 0 })
  client.on('error', () => undefined)
  try {
    return await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}
