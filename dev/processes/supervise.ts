import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Socket } from 'node:net'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface SupervisedProcess extends AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<Exit>
  /** Sends the stop signal (or the given one), and SIGKILL after `stopWithinMs`; resolves when the process has exited. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface SuperviseOptions {
  /** The name in error messages. */
  name: string
  env?: NodeJS.ProcessEnv
  cwd?: string
  stopSignal?: NodeJS.Signals
  stopTimeoutMs?: number
  /** Standard output and error are appended here. */
  logFile: string
}

/**
 * Starts a command that cannot outlive this process, even if this process is killed.
 * @throws Error if no process can be created.
 */
export function supervise(command: string, args: string[], options: SuperviseOptions): SupervisedProcess {
  const { name, env = process.env, cwd, stopSignal = 'SIGTERM', stopTimeoutMs = 10_000, logFile } = options
  const log = openSync(logFile, 'a')
  const graceTenths = String(Math.ceil(stopTimeoutMs / 100))
  const child = spawn('/bin/sh', ['-c', watcherScript, name, stopSignal.slice(3), graceTenths, command, ...args], {
    cwd,
    env,
    // Start a new process group: Ctrl-C signals the terminal's whole group and would stop everything at once.
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
  })
  closeSync(log)
  child.on('error', () => undefined)
  const lifeline = child.stdio[3]
  if (child.pid === undefined || !(lifeline instanceof Socket)) {
    throw new Error(`${name}: no process could be created in ${cwd ?? process.cwd()} (is there a /bin/sh?)`)
  }
  lifeline.on('error', () => undefined)

  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => {
      lifeline.end('gone\n', () => lifeline.destroy())
      resolve({ code, signal })
    })
  })
  const stop = async (signal = stopSignal) => {
    child.kill(signal)
    const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await exited
    clearTimeout(killTimer)
  }
  return { pid: child.pid, exited, stop, [Symbol.asyncDispose]: () => stop() }
}

// The shell forks a watcher and then execs the command, so pid, exit code and signal are the command's own. File descriptor
// 3 is the lifeline: a line on it means that the command has exited (its pid may be reused), end of file without a line means
// that this process has exited. The watcher is forked twice, because a server may choke on a child that it did not start.
const watcherScript = `
(
  {
    trap '' HUP INT TERM
    read -r _ <&3 && exit
    kill -s "$1" $$
    left=$2
    while [ "$left" -gt 0 ] && kill -0 $$; do
      sleep 0.1
      left=$((left - 1))
    done
    kill -s KILL $$
  } >/dev/null 2>&1 &
)
shift 2
exec "$@" 3<&-
`
