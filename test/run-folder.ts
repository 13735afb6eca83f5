import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A folder of this run in the one given; those of runs that were killed are removed. */
export async function runFolder(parent: string): Promise<string> {
  for (const name of await readdir(parent)) {
    const pid = /^tutti-test-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(parent, name), { recursive: true, force: true })
  }
  return mkdtemp(join(parent, `tutti-test-${process.pid}-`))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
