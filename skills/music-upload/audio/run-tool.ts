import { spawn } from 'node:child_process'
import { Rejection } from './rejection'

export interface ToolLimits {
  timeoutMs: number
  signal: AbortSignal
}

/**
 * Runs ffmpeg or ffprobe on foreign bytes, without our environment and in a process group of its own that is killed whole
 * when it takes too long. `take` gets its output as it comes.
 * @returns whether it ended well
 * @throws Rejection `too_slow`; the signal's reason; the error of a program that cannot be started, or of `take`.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs, signal }: ToolLimits,
  take: (chunk: Buffer) => void,
): Promise<boolean> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true, env: {} })
    const stop = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)))
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => stop(new Rejection('too_slow')), timeoutMs)
    const onAbort = () => stop(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        take(chunk)
      } catch (error) {
        stop(error)
      }
    })
    child.once('error', stop)
    child.once('close', code => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(code === 0)
    })
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
