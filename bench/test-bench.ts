import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startStack } from '../dev/stack'
import { type Issuer } from '../dev/issuer'
import { readConfig } from '../kernel/platform/config'
import { openStorage, type Storage } from '../kernel/platform/storage'
import { migrateUp } from '../migrations/migrate'
import { mapConcurrently, LoadClient } from './load/load-client'
import { anyCore, loadCore, pin } from './machine'
import { makePeople, type Person } from './fixtures'
import { type ServerKind } from './server-process'
import { startServer, type RunningServer } from './start-server'

/** The environment of a scenario: the embedded stack, people with tokens, and servers to start. */
export interface TestBench extends AsyncDisposable {
  db: Client
  /** The object store. */
  storage: Storage
  /** Whether servers run on core 0, and PostgreSQL, Redis and the load clients on core 1. */
  isPinned: boolean
  people: readonly Person[]
  /** Issues a new token, which no server has cached. */
  token(person: Person): Promise<string>
  startServer(kind: ServerKind, options?: ServerOptions): Promise<RunningServer>
  /** Runs `work` with PostgreSQL on any core; affects connections opened meanwhile. */
  withUnpinnedDatabase<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work`; rejects as soon as a server crashes. */
  rejectOnServerCrash<T>(work: () => Promise<T>): Promise<T>
  /** Stops all servers that still run. */
  stopServers(): Promise<void>
  /** Connects `count` clients, with tokens where the kind of server requires them. */
  connectClients(subject: RunningServer, count: number, from?: number): Promise<LoadClient[]>
}

export interface ServerOptions {
  variables?: Record<string, string>
  execArgv?: readonly string[]
  /** Run on any core instead of the servers' core. Default false. */
  isUnpinned?: boolean
}

const peopleCount = 4_000
const connectionsMax = 300
const atOnce = 40
const prefix = 'bench'

/** Starts the environment; with `profiles` every server writes its CPU profile to that folder. */
export async function openTestBench(profiles?: string): Promise<TestBench> {
  if (profiles !== undefined) await mkdir(profiles, { recursive: true })
  const folder = await mkdtemp(join(tmpdir(), 'tutti-bench-'))
  // Pin before the stack starts, which inherits the affinity.
  const isPinned = await pin(process.pid, loadCore)
  const stack = await startStack({ folder, durable: true, maxConnections: connectionsMax })
  const running = new Set<RunningServer>()
  let onCrash: (error: Error) => void = () => undefined
  const url = stack.variables.DATABASE_URL ?? ''
  const db = new Client({ connectionString: url, application_name: 'bench' })
  const endAll = async () => {
    for (const subject of running) await subject.stop()
    running.clear()
  }
  const storage = openStorage(readConfig(stack.variables))
  const close = async () => {
    await endAll()
    await storage[Symbol.asyncDispose]()
    await db.end().catch(() => undefined)
    await stack[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await migrateUp(url)
    await db.connect()
    const people = await makePeople(db, peopleCount)
    const issuer = issuerOf(stack.issuer)
    const token = ({ subject }: Person) => issuer.issueToken(subject, { ttlSeconds: 7_200 })
    const env = { ...process.env, ...stack.variables, LOG_LEVEL: process.env.BENCH_LOG_LEVEL ?? 'silent' }

    return {
      db,
      storage,
      isPinned,
      people,
      token,
      stopServers: endAll,
      rejectOnServerCrash: work =>
        new Promise((resolve, reject) => {
          onCrash = reject
          work().then(resolve, reject)
        }),
      async withUnpinnedDatabase(work) {
        const { pid = process.pid } = stack.postgres ?? {}
        await pin(pid, anyCore)
        try {
          return await work()
        } finally {
          await pin(pid, loadCore)
        }
      },
      async startServer(kind, { variables = {}, execArgv = [], isUnpinned = false } = {}) {
        const all = {
          NODE_ENV: 'production',
          REDIS_PREFIX: prefix,
          BENCH_AUTH_SUBJECT: people[0]?.subject,
          ...variables,
        }
        const subject = await startServer(
          kind,
          { ...env, ...all, ...profiling(kind, profiles) },
          { execArgv: [...execArgv], isFree: isUnpinned, onCrash: error => onCrash(error) },
        )
        running.add(subject)
        return { ...subject, stop: async () => (running.delete(subject), subject.stop()) }
      },
      async connectClients({ kind, port }, count, from = 0) {
        const crowd = people.slice(from, from + count)
        if (kind === 'raw') return mapConcurrently(crowd, atOnce, () => LoadClient.connectRaw(port))
        if (kind === 'bare') return mapConcurrently(crowd, atOnce, () => LoadClient.connect(port))
        return mapConcurrently(crowd, atOnce, async person => LoadClient.connect(port, await token(person)))
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

const profiling = (kind: ServerKind, folder: string | undefined): Record<string, string> =>
  folder === undefined ? {} : { BENCH_PROFILE: join(folder, `${kind}-${randomUUID()}.cpuprofile`) }

function issuerOf(issuer: Issuer | undefined): Issuer {
  if (issuer === undefined) throw new Error('the stack has no token issuer')
  return issuer
}
