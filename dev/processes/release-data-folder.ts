import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { commandLine } from './command-line'

/**
 * Makes a data folder usable that an earlier PostgreSQL did not leave in order. PostgreSQL does so by itself unless the
 * pid in its lock file belongs to some other process by now. A predecessor that is still stopping gets time to do so.
 * Rejects if one is really at work there.
 */
export async function releaseDataFolder(data: string): Promise<void> {
  const lockFile = join(data, 'postmaster.pid')
  const deadline = Date.now() + stopsWithinMs
  for (;;) {
    const owner = await ownerOf(lockFile)
    if (owner === undefined) return
    const command = await commandLine(owner)
    if (!command?.includes(` -D ${data} `)) return rm(lockFile, { force: true })
    if (Date.now() > deadline) throw new Error(`Another PostgreSQL (process ${owner}) is running in ${data}`)
    await delay(50)
  }
}

const stopsWithinMs = 5_000

/** The pid in the lock file, if a process has it. Without one PostgreSQL itself makes sure that no backend is left. */
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
