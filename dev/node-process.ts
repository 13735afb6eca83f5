import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface NodeProcess extends AsyncDisposable {
  /** Resolves when it serves; rejects when it ended before. */
  ready: Promise<void>
}

const restartAfterMs = 1_000
const endWithinMs = 25_000

/**
 * Runs the server as a process of its own, its log in a file. One that dies is started again. It ends with us, even when we
 * are killed: it sees the channel between us close.
 */
export function startNodeProcess(
  name: string,
  variables: Record<string, string>,
  logs: string,
  say: (line: string) => void,
): NodeProcess {
  const logFile = join(logs, `${name}.log`)
  let ending = false
  let hasServed = false
  let child = launch()
  let restart: NodeJS.Timeout | undefined

  function launch(): ChildProcess {
    const log = openSync(logFile, 'a')
    const main = join(__dirname, '..', 'server', 'main.js')
    const started = fork(main, {
      env: { ...process.env, ...variables },
      stdio: ['ignore', log, log, 'ipc'],
      // A session of its own: Ctrl-C reaches everything in the terminal's group, and we would take it for a crash.
      detached: true,
    })
    closeSync(log)
    started.once('exit', (code, signal) => {
      // What cannot even start would not the next time.
      if (ending || !hasServed) return
      say(`${name} ended (${signal ?? code}); starting it again. Its log: ${logFile}`)
      restart = setTimeout(() => (child = launch()), restartAfterMs)
    })
    return started
  }

  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => {
      hasServed = true
      resolve()
    })
    child.once('exit', () => reject(new Error(`${name} did not start: ${lastLine(logFile)}\n  Its log: ${logFile}`)))
  })

  return {
    ready,
    [Symbol.asyncDispose]: async () => {
      ending = true
      clearTimeout(restart)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), endWithinMs)
      await ended
      clearTimeout(late)
    },
  }
}

const lastLine = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? ''
