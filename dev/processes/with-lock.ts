import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs the work while no other process on this machine holds the same lock file. The kernel's own lock, by flock(1): it
 * is free again the moment its holder ends, however it ends, so there is never a stale one to judge. Linux only.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
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
