import { readdir, readFile } from 'node:fs/promises'
import { until } from '../../kernel/until'

/** The process that draws for a worker, as soon as there is one, by the folder that it draws into. Linux alone shows it. */
export async function drawingProcess(workerPid: number): Promise<number> {
  let found: number | undefined
  await until(async () => {
    for (const name of await readdir('/proc')) {
      const [program = '', ...args] = /^\d+$/.test(name) ? await commandOf(name) : []
      const isOf = args.some(arg => arg.includes(`/tutti-upload-${workerPid}-`))
      // Not the shell that becomes it.
      if (program === process.execPath && isOf) found = Number(name)
    }
    return found !== undefined
  })
  return found ?? 0
}

/** Whether it is there, and not only its name. */
export const isRunning = async (pid: number): Promise<boolean> =>
  !/^State:\s+[ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X'))

const commandOf = async (pid: string): Promise<string[]> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
