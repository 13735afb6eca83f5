import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives `work` an empty folder that nobody else has, and removes it whatever comes of the work. */
export async function inPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${host}-${life}-`))
  try {
    await removeLeftOver((await stat(folder)).mtimeMs)
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const prefix = 'tutti-upload-'
/** Containers may share a folder, and each counts its processes for itself. */
const host = hostname().replace(/[^A-Za-z0-9]/g, '')
/** A container that starts again often gets the very same pid. */
const life = randomBytes(4).toString('hex')
/** No file is worked on for so long: whatever its name says. */
const workMsMax = 24 * 60 * 60_000

/** `nowMs`: by the clock of the file system. What a worker that was killed left behind; the next one of the machine that needs a folder takes it away. */
async function removeLeftOver(nowMs: number): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => []))
    if (name.startsWith(prefix) && (await isLeftOver(name, nowMs)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
}

async function isLeftOver(name: string, nowMs: number): Promise<boolean> {
  const [pid, ofHost, itsLife] = name.slice(prefix.length).split('-')
  if (ofHost === host && !isRunning(Number(pid), itsLife)) return true
  const made = await stat(join(tmpdir(), name)).catch(() => undefined)
  return made !== undefined && nowMs - made.mtimeMs > workMsMax
}

function isRunning(pid: number, itsLife: string | undefined): boolean {
  if (pid === process.pid) return itsLife === life
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Of another user, or gone.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
