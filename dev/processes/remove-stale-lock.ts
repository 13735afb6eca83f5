import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readCommandLine } from './read-command-line'

/**
 * Removes a stale lock file from a data folder. PostgreSQL does so itself, except when the pid in the file has been reused by
 * another process. Waits up to 5 s for a PostgreSQL that is still stopping.
 * @throws Error if a PostgreSQL keeps running there.
 */
export async function removeStaleLock(data: string): Promise<void> {
  const lockFile = join(data, 'postmaster.pid')
  const deadline = Date.now() + stopTimeoutMs
  for (;;) {
    const owner = await ownerOf(lockFile)
    if (owner === undefined) return
    const command = await readCommandLine(owner)
    if (!command?.includes(` -D ${data} `)) return rm(lockFile, { force: true })
    if (Date.now() > deadline) throw new Error(`Another PostgreSQL (process ${owner}) is running in ${data}`)
    await delay(50)
  }
}

const stopTimeoutMs = 5_000

/** The pid in the lock file, if such a process exists. If not, PostgreSQL itself checks that no backend is left. */
async function ownerOf(lockFile: string): Promise<number | undefined> {
  const content = await readFile(lockFile, 'utf8').catch(() => '')
  const pid = Number.parseInt(content, 10)
  return pid > 0 && exists(pid) ? pid : undefined
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
