import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Socket } from 'node:net'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Supervised extends AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<Exit>
  /** Sends the stop signal (or the one given), SIGKILL after the grace; resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface SupervisedOptions {
  /** What error messages call it. */
  name: string
  env?: NodeJS.ProcessEnv
  cwd?: string
  stopSignal?: NodeJS.Signals
  stopWithinMs?: number
  /** Standard output and error are appended here. */
  logFile: string
}

/** Starts a command that cannot outlive this process, however this process ends. Throws if no process can be made at all. */
export function supervise(command: string, args: string[], options: SupervisedOptions): Supervised {
  const { name, env = process.env, cwd, stopSignal = 'SIGTERM', stopWithinMs = 10_000, logFile } = options
  const log = openSync(logFile, 'a')
  const graceTenths = String(Math.ceil(stopWithinMs / 100))
  const child = spawn('/bin/sh', ['-c', guardian, name, stopSignal.slice(3), graceTenths, command, ...args], {
    cwd,
    env,
    // A session of its own: Ctrl-C reaches everything in the terminal's group, and would stop all parts at once.
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
  })
  closeSync(log)
  child.on('error', () => undefined)
  const lifeline = child.stdio[3]
  if (child.pid === undefined || !(lifeline instanceof Socket)) {
    throw new Error(`${name}: no process could be made in ${cwd ?? process.cwd()} (is there a /bin/sh?)`)
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
    const escalation = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(escalation)
  }
  return { pid: child.pid, exited, stop, [Symbol.asyncDispose]: () => stop() }
}

// The shell leaves a watcher behind and then becomes the command, so pid, exit code and signal are the command's own.
// File 3 is the lifeline: a line on it means that the command is gone (and its pid perhaps someone else's), an end without
// a line means that this process is. The watcher is forked twice, because a server may trip over a child it did not start.
const guardian = `
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
