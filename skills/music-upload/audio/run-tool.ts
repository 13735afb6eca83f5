import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { Rejection } from './rejection'

/** A third of what others get where the machine has too much to do; not so little that a busy one never gets to it. */
const niceness = 5

export interface ToolLimits {
  timeoutMs: number
  signal: AbortSignal
  /** What it means that it took too long; that the file is at fault unless told otherwise. */
  whenLate?: () => Error
  /** What it says on the side. Whoever listens bounds what it keeps: foreign files decide how much that is. */
  hear?: (chunk: Buffer) => void
}

/**
 * Runs ffmpeg or ffprobe on foreign bytes, without our environment, behind whatever else the machine has to do, and in a
 * process group of its own that is killed whole when it takes too long. `take` gets its output as it comes.
 * @returns whether it ended well
 * @throws Rejection `too_slow`; the signal's reason; the error of a program that cannot be started, or of `take`.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs, signal, whenLate = () => new Rejection('too_slow'), hear }: ToolLimits,
  take: (chunk: Buffer) => void,
): Promise<boolean> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const said = hear === undefined ? 'ignore' : 'pipe'
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', said], detached: true, env: {} })
    const stop = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)))
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => stop(whenLate()), timeoutMs)
    const onAbort = () => stop(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const guarded = (listen: (chunk: Buffer) => void) => (chunk: Buffer) => {
      try {
        listen(chunk)
      } catch (error) {
        stop(error)
      }
    }
    child.stdout?.on('data', guarded(take))
    if (hear !== undefined) child.stderr?.on('data', guarded(hear))
    child.once('error', stop)
    child.once('close', code => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(code === 0)
    })
    if (child.pid !== undefined) stepBack(child.pid)
  })
}

/** Before it has threads: they inherit it. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    // It ended by itself meanwhile, or may not be told.
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
