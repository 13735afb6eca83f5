import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, rename, rm, statfs, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPostgres } from '../dev/processes/postgres'
import { migrateUp } from '../migrations/migrate'
import { runFolder } from './run-folder'
import { templateDatabase } from './stack'

const root = join(__dirname, '..')
const cache = join(root, 'node_modules', '.cache', 'tutti-tests')
const kept = 'cluster'

const memory = '/dev/shm'
const memoryBytesMin = 2 * 1024 ** 3
// Else a gigabyte of log is kept in memory.
const settings = 'max_wal_size = 128MB\n'

/**
 * Puts a PostgreSQL cluster that holds the migrated template database into the folder. It is made once for the
 * migrations and packages of this checkout, and copied from then on: a second instead of three at each start of the tests.
 * The copy is kept in memory where the machine has room, because a clone of the template then takes a quarter of the CPU.
 * @returns what removes it
 */
export async function prepareCluster(folder: string): Promise<() => Promise<void>> {
  const prepared = join(cache, `${kept}-${fingerprint()}`)
  if (!existsSync(prepared)) await make(prepared)
  await mkdir(folder, { recursive: true })
  const data = join(folder, 'data')
  if (!(await hasMemory())) {
    await copy(prepared, data)
    return async () => undefined
  }
  const held = await runFolder(memory)
  await copy(prepared, join(held, 'data'))
  await symlink(join(held, 'data'), data)
  return () => rm(held, { recursive: true, force: true })
}

async function hasMemory(): Promise<boolean> {
  const space = await statfs(memory).catch(() => undefined)
  return space !== undefined && space.bavail * space.bsize > memoryBytesMin
}

async function make(prepared: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-cluster-'))
  try {
    const postgres = await startPostgres({ folder, durable: false })
    try {
      await postgres.createDatabase(templateDatabase)
      await migrateUp(postgres.databaseUrl(templateDatabase))
    } finally {
      await postgres.stop()
    }
    await appendFile(join(folder, 'data', 'postgresql.conf'), settings)
    await mkdir(cache, { recursive: true })
    for (const name of readdirSync(cache))
      if (name.startsWith(`${kept}-`)) await rm(join(cache, name), { recursive: true, force: true })
    // Another run may do the same: only a whole one gets its name.
    const unfinished = join(cache, `${kept}-${process.pid}.unfinished`)
    await copy(join(folder, 'data'), unfinished)
    await rename(unfinished, prepared)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Of everything that the template depends on. */
function fingerprint(): string {
  const hash = createHash('sha1')
    .update(settings)
    .update(readFileSync(join(root, 'package-lock.json')))
  for (const folder of ['migrations', 'dev/processes'])
    for (const name of readdirSync(join(root, folder), { encoding: 'utf8', recursive: true }).sort())
      if (name.endsWith('.ts')) hash.update(readFileSync(join(root, folder, name)))
  return hash.digest('hex').slice(0, 16)
}

/** With modes and owners: PostgreSQL refuses a folder that others may read, and does not run as root. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to])
}
