import { extname, join } from 'node:path'
import { runTool } from '../run-tool'
import { type RenderResult, parseRenderResult } from './render-result'
import { Rejection, SuspectedRejection } from './rejection'

export interface RenderLimits {
  timeoutMs: number
  memoryKiB: number
}

/**
 * The largest files onStdout less than a second and 300 MB. A worker renders as many at once as it runs short jobs: the
 * machine can hold all of them at this limit.
 */
const defaults: RenderLimits = { timeoutMs: 20_000, memoryKiB: 768 * 1024 }

/**
 * Renders a picture file into a folder in a separate process, so that a file that crashes the decoder or exhausts
 * time or memory affects nothing else. Starting the process costs 0.1 s.
 * @returns the dominant color
 * @throws Rejection when the file is at fault, SuspectedRejection when it may be, another error when it is not
 */
export async function renderIsolated(
  path: string,
  folder: string,
  signal: AbortSignal,
  { timeoutMs, memoryKiB }: RenderLimits = defaults,
): Promise<string> {
  const output: Buffer[] = []
  const onStdout = (chunk: Buffer) => {
    output.push(chunk)
    if (Buffer.concat(output).length > answerBytesMax)
      throw new SuspectedRejection('damaged', 'the decoder wrote too much output')
  }
  const limits = {
    ...{ timeoutMs, signal, memory: { of: 'data', KiB: memoryKiB } as const },
    timeoutError: () => new Rejection('processing_timeout'),
    crashError: () => new SuspectedRejection('damaged', 'the decoder crashed'),
  }
  // Pass the Node options of this process on, which tell how to run sources.
  const succeeded = await runTool(process.execPath, [...process.execArgv, program, path, folder], limits, onStdout)
  if (!succeeded) throw new SuspectedRejection('damaged', 'the decoder failed')
  return colorIn(parseRenderResult(Buffer.concat(output).toString()))
}

const program = join(__dirname, `render-process${extname(__filename)}`)
const answerBytesMax = 4_096

function colorIn(answer: RenderResult): string {
  if ('color' in answer) return answer.color
  if ('rejected' in answer) throw new Rejection(answer.rejected)
  if ('suspected' in answer) throw new SuspectedRejection(answer.suspected, answer.why)
  throw new Error(`a picture could not be rendered: ${answer.failed}`)
}
