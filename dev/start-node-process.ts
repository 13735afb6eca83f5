import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface NodeProcess extends AsyncDisposable {
  /** Resolves when the process accepts requests; rejects when it exits before that. */
  ready: Promise<void>
}

const restartDelayMs = 1_000
const stopTimeoutMs = 25_000

/**
 * Runs the server in a child process that logs to a file, and restarts it after a crash. The child exits with this process,
 * even after SIGKILL, because its IPC channel closes.
 */
export function startNodeProcess(
  name: string,
  variables: Record<string, string>,
  logs: string,
  log: (line: string) => void,
): NodeProcess {
  const logFile = join(logs, `${name}.log`)
  let isStopping = false
  let wasReady = false
  let child = launch()
  let restart: NodeJS.Timeout | undefined

  function launch(): ChildProcess {
    const logFd = openSync(logFile, 'a')
    const main = join(__dirname, '..', 'server', 'main.js')
    const started = fork(main, {
      env: { ...process.env, ...variables },
      stdio: ['ignore', logFd, logFd, 'ipc'],
      // Start a new process group: Ctrl-C signals the terminal's whole group, and the exit would look like a crash.
      detached: true,
    })
    closeSync(logFd)
    started.once('exit', (code, signal) => {
      // Do not restart a process that never became ready: it would fail again.
      if (isStopping || !wasReady) return
      log(`${name} exited (${signal ?? code}), restarting. Log: ${logFile}`)
      restart = setTimeout(() => (child = launch()), restartDelayMs)
    })
    return started
  }

  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => {
      wasReady = true
      resolve()
    })
    child.once('exit', () => reject(new Error(`${name} did not start: ${lastLine(logFile)}\n  Log: ${logFile}`)))
  })

  return {
    ready,
    [Symbol.asyncDispose]: async () => {
      isStopping = true
      clearTimeout(restart)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      await ended
      clearTimeout(killTimer)
    },
  }
}

const lastLine = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? ''
