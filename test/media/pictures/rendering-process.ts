import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

const timeoutMs = 15_000

/**
 * Sends SIGSTOP to a worker's rendering process as soon as it starts, so that it cannot finish before the test continues.
 * Ignores the shell that execs it. Polls in a separate program, because the test itself may be delayed. Linux only.
 */
export async function stopRenderingProcess(workerPid: number): Promise<number> {
  const watcher = spawn('/bin/sh', ['-c', watch, 'watch', String(workerPid), process.execPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
  })
  let output = ''
  watcher.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(watcher, 'close')
  if (output === '') throw new Error('no rendering process was started')
  return Number(output)
}

const watch = `
  while :; do
    for pid in $(cat "/proc/$1/task/$1/children"); do
      case "$(tr '\\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" in
        "$2 "*pictures/render-process.*) kill -STOP "$pid" && echo "$pid" && exit ;;
      esac
    done
    sleep 0.005
  done`

/** Sends a signal to a stopped process; all but SIGKILL take effect only after SIGCONT. */
export function signalStoppedProcess(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal)
  if (signal !== 'SIGKILL') process.kill(pid, 'SIGCONT')
}

/** Whether the process exists and is not a zombie. */
export const isRunning = async (pid: number): Promise<boolean> =>
  !/^State:\s+[ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X'))
