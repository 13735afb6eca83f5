import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives `work` an empty folder that nobody else has, and removes it whatever comes of the work. */
export async function inPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await removeLeftOver()
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${host}-${startedMs}-`))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const prefix = 'tutti-upload-'
/** Containers may share a folder, and each counts its processes for itself. */
const host = hostname().replace(/[^A-Za-z0-9]/g, '')
/** A container that starts again often gets the very same pid. */
const startedMs = Math.trunc(performance.timeOrigin)
/** No file is worked on for so long: whatever its name says. */
const workMsMax = 24 * 60 * 60_000

/** What a worker that was killed left behind; the next one of the machine that needs a folder takes it away. */
async function removeLeftOver(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => []))
    if (name.startsWith(prefix) && (await isLeftOver(name)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
}

async function isLeftOver(name: string): Promise<boolean> {
  const [pid, ofHost, started] = name.slice(prefix.length).split('-')
  if (ofHost === host && !isRunning(Number(pid), Number(started))) return true
  const made = await stat(join(tmpdir(), name)).catch(() => undefined)
  return made !== undefined && performance.timeOrigin + performance.now() - made.mtimeMs > workMsMax
}

function isRunning(pid: number, started: number): boolean {
  if (pid === process.pid) return started === startedMs
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Of another user, or gone.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
