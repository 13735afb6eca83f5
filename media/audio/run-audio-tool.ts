import { runTool, type ToolLimits } from '../run-tool'
import { Rejection } from './rejection'

export interface AudioToolLimits extends Pick<ToolLimits, 'timeoutMs' | 'signal' | 'onStderr'> {
  /** The error for a timeout; by default the file is to blame. */
  timeoutError?: () => Error
}

/**
 * Runs ffmpeg or ffprobe on untrusted input, sandboxed.
 * @returns whether it exited with 0
 * @throws Rejection `processing_timeout` when it was busy until the timeout, `damaged` when the file crashes it; otherwise as
 * `runTool` of media/run-tool
 */
export const runAudioTool = (
  command: string,
  args: readonly string[],
  limits: AudioToolLimits,
  onStdout: (chunk: Buffer) => void,
): Promise<boolean> => runTool(command, args, { ...defaults, ...limits }, onStdout)

const defaults: Pick<ToolLimits, 'memory' | 'timeoutError' | 'crashError'> = {
  // More than any legitimate file needs; `-max_alloc` limits only single allocations.
  memory: { of: 'addresses', KiB: 2 * 1024 * 1024 },
  timeoutError: () => new Rejection('processing_timeout'),
  crashError: () => new Rejection('damaged'),
}
