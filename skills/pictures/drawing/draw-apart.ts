import { extname, join } from 'node:path'
import { runTool } from '../../../kernel/run-tool'
import { type Answer, parseAnswer } from './answer'
import { Rejection, Suspicion } from './rejection'

export interface DrawingLimits {
  timeoutMs: number
  memoryKiB: number
}

/**
 * The largest take less than a second and 300 MB. So many are drawn at once as a worker has short jobs: all of them made to
 * burst still fit into a machine.
 */
const usual: DrawingLimits = { timeoutMs: 20_000, memoryKiB: 768 * 1024 }

/**
 * Draws the picture in a file, into a folder, in a process of its own: a file that crashes a decoder, or makes it eat time
 * or memory, takes nothing else along. Starting one costs 0.1 s.
 * @returns the colour that stands for it
 * @throws Rejection when the file is at fault, Suspicion when it may be, another error when it is not.
 */
export async function drawApart(
  path: string,
  folder: string,
  signal: AbortSignal,
  { timeoutMs, memoryKiB }: DrawingLimits = usual,
): Promise<string> {
  const said: Buffer[] = []
  const take = (chunk: Buffer) => {
    said.push(chunk)
    if (Buffer.concat(said).length > answerBytesMax) throw new Suspicion('damaged', 'it says too much')
  }
  const limits = {
    ...{ timeoutMs, signal, memory: { of: 'data', KiB: memoryKiB } as const },
    whenLate: () => new Rejection('too_slow'),
    whenCrashed: () => new Suspicion('damaged', 'the decoder crashed'),
  }
  // With what this process was told of how sources are run.
  const isWell = await runTool(process.execPath, [...process.execArgv, program, path, folder], limits, take)
  if (!isWell) throw new Suspicion('damaged', 'the decoder ended badly')
  return colorIn(parseAnswer(Buffer.concat(said).toString()))
}

const program = join(__dirname, `run${extname(__filename)}`)
const answerBytesMax = 4_096

function colorIn(answer: Answer): string {
  if ('color' in answer) return answer.color
  if ('rejected' in answer) throw new Rejection(answer.rejected)
  if ('suspected' in answer) throw new Suspicion(answer.suspected, answer.why)
  throw new Error(`a picture could not be drawn: ${answer.failed}`)
}
