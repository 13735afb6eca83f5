import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `work` with a private temporary folder and removes it afterwards, also on errors. */
export async function inPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${host}-${processToken}-`))
  try {
    await removeAbandoned((await stat(folder)).mtimeMs)
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const prefix = 'tutti-work-'
/** Containers may share the temporary folder but not their process ids. */
const host = hostname().replace(/[^A-Za-z0-9]/g, '')
/** A restarted container often gets the same pid. */
const processToken = randomBytes(4).toString('hex')
/** A folder that is older is abandoned, even if its process seems to run. */
const workMaxMs = 24 * 60 * 60_000

/** Removes folders that killed processes left behind. `nowMs` is by the clock of the file system. */
async function removeAbandoned(nowMs: number): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => []))
    if (name.startsWith(prefix) && (await isAbandoned(name, nowMs)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
}

async function isAbandoned(name: string, nowMs: number): Promise<boolean> {
  const [pid, folderHost, token] = name.slice(prefix.length).split('-')
  if (folderHost === host && !isRunning(Number(pid), token)) return true
  const stats = await stat(join(tmpdir(), name)).catch(() => undefined)
  return stats !== undefined && nowMs - stats.mtimeMs > workMaxMs
}

function isRunning(pid: number, token: string | undefined): boolean {
  if (pid === process.pid) return token === processToken
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs as another user. Anything else: it is gone.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
