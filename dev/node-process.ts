import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
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
  let child = launch()
  let restart: NodeJS.Timeout | undefined

  function launch(): ChildProcess {
    const log = openSync(logFile, 'a')
    const main = join(__dirname, '..', 'server', 'main.js')
    const started = fork(main, { env: { ...process.env, ...variables }, stdio: ['ignore', log, log, 'ipc'] })
    closeSync(log)
    started.once('exit', (code, signal) => {
      if (ending) return
      say(`${name} ended (${signal ?? code}); starting it again. Its log: ${logFile}`)
      restart = setTimeout(() => (child = launch()), restartAfterMs)
    })
    return started
  }

  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', () => reject(new Error(`${name} did not start. Its log: ${logFile}`)))
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
