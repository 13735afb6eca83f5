import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface ToolLimits {
  timeoutMs: number
  signal: AbortSignal
  /** Memory limit of the process (ulimit). */
  memory: MemoryBound
  /** The error when the program uses its CPU time up. */
  timeoutError: () => Error
  /** The error when the program crashes. */
  crashError: () => Error
  /** Receives stderr. The listener must bound what it keeps, because untrusted files decide how much there is. */
  onStderr?: (chunk: Buffer) => void
}

/** `addresses`: RLIMIT_AS. `data`: RLIMIT_DATA, for programs such as Node that reserve far more addresses than they use. */
export interface MemoryBound {
  of: 'addresses' | 'data'
  KiB: number
}

/**
 * Runs a program on untrusted files: with an empty environment, limited memory and CPU time, and a lower scheduling priority,
 * in its own process group, which is killed on timeout and when this process dies. `onStdout` receives stdout.
 * @returns whether the exit code was 0
 * @throws the errors of `timeoutError` and `crashError`; the signal's reason; an error when the program cannot be started, was
 * killed from outside or got no CPU time; whatever `onStdout` throws.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs, signal, memory, timeoutError, crashError, onStderr }: ToolLimits,
  onStdout: (chunk: Buffer) => void,
): Promise<boolean> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stderr = onStderr === undefined ? 'ignore' : 'pipe'
    const confined = ['-c', confine(timeoutMs, memory), 'tool', command, ...args]
    const child = spawn('/bin/sh', confined, { stdio: ['ignore', 'pipe', stderr], detached: true, env: {} })
    const stop = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)))
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(
      () => stop(wasBusy(child.pid, timeoutMs) ? timeoutError() : new Starved(command)),
      timeoutMs,
    )
    const onAbort = () => stop(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const guarded = (listen: (chunk: Buffer) => void) => (chunk: Buffer) => {
      try {
        listen(chunk)
      } catch (error) {
        stop(error)
      }
    }
    child.stdout?.on('data', guarded(onStdout))
    if (onStderr !== undefined) child.stderr?.on('data', guarded(onStderr))
    child.once('error', stop)
    child.once('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      const error = killedBy === 'SIGXCPU' ? timeoutError() : exitErrorOf(command, code, killedBy, crashError)
      if (error === undefined) resolve(code === 0)
      else reject(error)
    })
  })
}

/** A suspended or overloaded machine gave the program no CPU time. The file is not to blame, so a retry may succeed. */
class Starved extends Error {
  constructor(command: string) {
    super(`${command} timed out without CPU time`)
  }
}

/** Unit of CPU times in `/proc`, on every Linux that Node supports. */
const ticksPerSecond = 100
const busyShareMin = 0.25

/** Whether a process used at least a quarter of its time as CPU time. True where `/proc` cannot be read. */
function wasBusy(pid: number | undefined, ms: number): boolean {
  try {
    // Split after the process name, which may contain anything. Fields 14 and 15 are user and system time.
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
        .split(') ')
        .at(-1)
        ?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12]) >= (busyShareMin * ms * ticksPerSecond) / 1000
  } catch {
    return true
  }
}

/** A third of the CPU share of other processes under contention, and not so little that the tool starves. */
const niceness = 5

/**
 * Limits that a system lacks are skipped (macOS has no memory limit and no setpriv). When the worker is killed, pdeathsig
 * kills its tools, and where that is missing the CPU time limit does. oom_score_adj makes the OOM killer choose the tool
 * instead of the worker.
 */
const confine = (timeoutMs: number, { of, KiB }: MemoryBound): string => `
  ulimit -c 0; ulimit ${of === 'data' ? '-d' : '-v'} ${KiB}; ulimit -t ${Math.ceil((4 * timeoutMs) / 1000)}
  { echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null
  setpriv --pdeathsig KILL true && exec nice -n ${niceness} setpriv --pdeathsig KILL env -i "$@"
  exec nice -n ${niceness} env -i "$@"`

/** A crash is blamed on the file. A missing program or an outside kill is not, so a retry may succeed. */
function exitErrorOf(
  command: string,
  code: number | null,
  killedBy: NodeJS.Signals | null,
  crashError: () => Error,
): Error | undefined {
  // The shell's exit codes for a program that is not executable or not found.
  if (code === 126 || code === 127) return new Error(`${command} cannot be run (ENOENT or EACCES)`)
  if (killedBy === null) return undefined
  if (killedBy === 'SIGKILL' || killedBy === 'SIGTERM')
    return new Error(`${command} was killed, perhaps for lack of memory`)
  return crashError()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it has already exited.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
