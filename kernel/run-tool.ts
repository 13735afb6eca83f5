import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface ToolLimits {
  timeoutMs: number
  signal: AbortSignal
  /** Of the system's memory: no more than so much. */
  memory: MemoryBound
  /** What it means that it was busy for too long. */
  whenLate: () => Error
  /** What it means that it crashed. */
  whenCrashed: () => Error
  /** What it says on the side. Whoever listens bounds what it keeps: foreign files decide how much that is. */
  hear?: (chunk: Buffer) => void
}

/** `data` is what it may write to: for programs that reserve far more addresses than they use, as Node does. */
export interface MemoryBound {
  of: 'addresses' | 'data'
  KiB: number
}

/**
 * Runs a program on foreign bytes, without our environment, with bounded memory, behind whatever else the machine has to
 * do, and in a process group of its own that is killed whole when it takes too long. It dies with us. `take` gets its
 * output as it comes.
 * @returns whether it ended well
 * @throws what `whenLate` and `whenCrashed` make; the signal's reason; the error of a program that cannot be started, that
 * somebody else killed or that the machine gave no time, or of `take`.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs, signal, memory, whenLate, whenCrashed, hear }: ToolLimits,
  take: (chunk: Buffer) => void,
): Promise<boolean> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const said = hear === undefined ? 'ignore' : 'pipe'
    const confined = ['-c', confine(timeoutMs, memory), 'tool', command, ...args]
    const child = spawn('/bin/sh', confined, { stdio: ['ignore', 'pipe', said], detached: true, env: {} })
    const stop = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)))
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => stop(wasBusy(child.pid, timeoutMs) ? whenLate() : new Starved(command)), timeoutMs)
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
    child.once('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      const fault = killedBy === 'SIGXCPU' ? whenLate() : faultOf(command, code, killedBy, whenCrashed)
      if (fault === undefined) resolve(code === 0)
      else reject(fault)
    })
  })
}

/** A machine that was frozen, or has too much to do, says nothing of the file: another attempt may go well. */
class Starved extends Error {
  constructor(command: string) {
    super(`${command} got no time to do its work`)
  }
}

/** Clock ticks of `/proc`, on every Linux that Node runs on. */
const ticksPerSecond = 100
const busyShareMin = 0.25

/** Whether a process used the time that it had. Where that can't be seen it is believed to have. */
function wasBusy(pid: number | undefined, ms: number): boolean {
  try {
    // After its name, which may hold anything: fields 14 and 15 are its time in and for it.
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

/** A third of what others get where the machine has too much to do; not so little that a busy one never gets to it. */
const niceness = 5

/**
 * What of it a system doesn't know it does without (macOS knows no bound of memory, and has no setpriv). A worker that is
 * killed can't stop its tools: the kernel does where it can, and the bound of their time everywhere else. Where the machine
 * runs out of memory the tool shall be killed, and not the worker.
 */
const confine = (timeoutMs: number, { of, KiB }: MemoryBound): string => `
  ulimit -c 0; ulimit ${of === 'data' ? '-d' : '-v'} ${KiB}; ulimit -t ${Math.ceil((4 * timeoutMs) / 1000)}
  { echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null
  setpriv --pdeathsig KILL true && exec nice -n ${niceness} setpriv --pdeathsig KILL env -i "$@"
  exec nice -n ${niceness} env -i "$@"`

/** Of two that end badly one says something of the file, and the other nothing: then another attempt may go well. */
function faultOf(
  command: string,
  code: number | null,
  killedBy: NodeJS.Signals | null,
  whenCrashed: () => Error,
): Error | undefined {
  // As shells say that there is no such program, or none that can be run.
  if (code === 126 || code === 127) return new Error(`${command} cannot be run (ENOENT or EACCES)`)
  if (killedBy === null) return undefined
  if (killedBy === 'SIGKILL' || killedBy === 'SIGTERM')
    return new Error(`${command} was killed, perhaps for lack of memory`)
  return whenCrashed()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
