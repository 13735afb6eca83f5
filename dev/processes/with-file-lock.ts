import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs the work while holding an exclusive lock on a file, with flock(1): the kernel releases the lock when its holder exits,
 * so a lock is never stale. Linux only.
 */
export async function withFileLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(holder, 'close')
  const locked = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!locked) throw new Error(`Cannot lock ${file}`)
  try {
    return await work()
  } finally {
    holder.stdin.end()
    await ended
  }
}
