import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

const patienceMs = 15_000

/**
 * Stops the process that draws for a worker as soon as there is one, so that it cannot be done before the test goes on; not
 * the shell that becomes it. By a program of its own, because a test is itself kept waiting on a busy machine. Linux alone.
 */
export async function stoppedDrawing(workerPid: number): Promise<number> {
  const watcher = spawn('/bin/sh', ['-c', watch, 'watch', String(workerPid), process.execPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: patienceMs,
  })
  let said = ''
  watcher.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(watcher, 'close')
  if (said === '') throw new Error('nothing was drawn')
  return Number(said)
}

const watch = `
  while :; do
    for pid in $(cat "/proc/$1/task/$1/children"); do
      case "$(tr '\\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" in
        "$2 "*pictures/drawing/run.*) kill -STOP "$pid" && echo "$pid" && exit ;;
      esac
    done
    sleep 0.005
  done`

/** What comes to a stopped process waits until it goes on, but for being killed. */
export function endDrawing(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal)
  if (signal !== 'SIGKILL') process.kill(pid, 'SIGCONT')
}

/** Whether it is there, and not only its name. */
export const isRunning = async (pid: number): Promise<boolean> =>
  !/^State:\s+[ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X'))
