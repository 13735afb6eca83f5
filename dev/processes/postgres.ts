import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Client, escapeIdentifier } from 'pg'
import { unprivilegedPrefix } from './unprivileged-prefix'
import { findPostgresBinaries } from './postgres-binaries'
import { initializeCluster } from './initialize-cluster'
import { removeStaleLock } from './remove-stale-lock'
import { startServer } from './start-server'
import { supervise } from './supervise'

export interface PostgresOptions {
  /** Holds the cluster (`data`) and, unless `logFile` says otherwise, the log. */
  folder: string
  port?: number
  /** Default true. False turns off fsync and the like, which only a crash of the machine needs. */
  durable?: boolean
  maxConnections?: number
  logFile?: string
  log?: (line: string) => void
}

export interface Postgres extends AsyncDisposable {
  /** `postgres://tutti:tutti@127.0.0.1:port/postgres`; the user is a superuser. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** 'fast' closes connections in order; 'immediate' is a crash with recovery. Keeps the port; also works after `stop`. */
  restart: (mode: 'fast' | 'immediate') => Promise<void>
  stop: () => Promise<void>
  databaseUrl: (name: string) => string
  /** Rejects if the name is taken or the template has connections. */
  createDatabase: (name: string, template?: string) => Promise<void>
}

/** Starts a private PostgreSQL on 127.0.0.1, creating the cluster if necessary, and waits until it accepts connections. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const folder = resolve(options.folder)
  const data = join(folder, 'data')
  const logFile = options.logFile ?? join(folder, 'postgres.log')
  await mkdir(folder, { recursive: true })
  const { initdb, postgres } = await findPostgresBinaries()
  const prefix = await unprivilegedPrefix(folder, postgres)
  await initializeCluster({ data, initdb: [...prefix, initdb], logFile, log: options.log })

  const server = await startServer({
    name: 'PostgreSQL',
    port: options.port,
    logFile,
    launch: async port => {
      await removeStaleLock(data)
      const [command = postgres, ...args] = [...prefix, postgres, '-D', data, ...settings(port, options)]
      return supervise(command, args, {
        name: 'postgres',
        env,
        logFile,
        stopSignal: fastShutdown,
        stopTimeoutMs: stopWithinMs,
      })
    },
    isReady: (_port, pid) => isReady(data, pid),
  })
  const databaseUrl = (name: string) => urlOf(server.port, name)
  return {
    url: databaseUrl('postgres'),
    port: server.port,
    get pid() {
      return server.pid
    },
    restart: mode => server.restart(mode === 'fast' ? fastShutdown : immediateShutdown),
    stop: server.stop,
    databaseUrl,
    createDatabase: (name, template) => createDatabase(databaseUrl('postgres'), name, template),
    [Symbol.asyncDispose]: server.stop,
  }
}

const fastShutdown = 'SIGINT'
const immediateShutdown = 'SIGQUIT'
const stopWithinMs = 20_000
// On macOS any other locale makes the postmaster multithreaded, and it refuses to start.
const env = { ...process.env, LC_ALL: 'C' }

function settings(port: number, { durable = true, maxConnections = 100 }: PostgresOptions): string[] {
  const values = {
    port,
    listen_addresses: '127.0.0.1',
    // No Unix socket: its path is limited to 107 bytes, and folders of checkouts and tests can be longer.
    unix_socket_directories: '',
    max_connections: maxConnections,
    timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function urlOf(port: number, database: string): string {
  return `postgres://tutti:tutti@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

/** Reads the lock file, as pg_ctl does: it holds the pid and the state, so another server on the port cannot pass for ours. */
async function isReady(data: string, pid: number): Promise<boolean> {
  const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(lines, 10) === pid && /\nready\s*$/.test(lines)
}

async function createDatabase(url: string, name: string, template = 'template1'): Promise<void> {
  await using connection = await connect(url)
  await connection.client.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`)
}

async function connect(url: string): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  // A lost connection already rejects the running query; without a listener the event would crash the process.
  client.on('error', () => undefined)
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}
