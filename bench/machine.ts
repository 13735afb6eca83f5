import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { promisify } from 'node:util'

/** The Node options of the Docker image. */
export const nodeOptions = ['--max-semi-space-size=32']

export const serverCore = '0'
export const loadCore = '1'
export const anyCore = `0-${cpus().length - 1}`

/** Pins a process, its threads and later children to cores with `taskset`. Returns false where that is not possible. */
export async function pin(pid: number, cores: string): Promise<boolean> {
  if (availableParallelism() < 2 && cpus().length < 2) return false
  return promisify(execFile)('taskset', ['-acp', cores, String(pid)]).then(
    () => true,
    () => false,
  )
}

interface Steal {
  stolen: number
  all: number
}

export function readSteal(): Steal {
  const [, ...ticks] = readFile('/proc/stat').split('\n', 1)[0]?.trim().split(/\s+/) ?? []
  return { stolen: Number(ticks[7] ?? 0), all: ticks.slice(0, 8).reduce((sum, tick) => sum + Number(tick), 0) }
}

/** CPU steal since `before`: the share of time that the hypervisor gave to other guests; 0 where /proc/stat is missing. */
export function stealSince(before: Steal): number {
  const { stolen, all } = readSteal()
  return all === before.all ? 0 : (stolen - before.stolen) / (all - before.all)
}

/** Describes the machine in one line. */
export const describeMachine = (): string =>
  [
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `${process.platform} ${release()}`,
    `Node ${process.versions.node}`,
  ].join(', ')

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
