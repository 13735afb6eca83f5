import { readFile } from 'node:fs/promises'
import { until } from '../../kernel/until'

/** The process that draws for a worker, as soon as there is one. Linux alone shows it. */
export async function drawingProcess(workerPid: number): Promise<number> {
  let found: string | undefined
  await until(async () => {
    const children = await readFile(`/proc/${workerPid}/task/${workerPid}/children`, 'utf8')
    for (const pid of children.split(' ')) if (await isDrawing(pid)) found = pid
    return found !== undefined
  })
  return Number(found)
}

/** Not the shell that becomes it. */
async function isDrawing(pid: string): Promise<boolean> {
  const [program, ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  return program === process.execPath && args.some(arg => /pictures\/drawing\/run\.[jt]s$/.test(arg))
}

/** Whether it is there, and not only its name. */
export const isRunning = async (pid: number): Promise<boolean> =>
  !/^State:\s+[ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X'))
