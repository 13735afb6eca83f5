import { runTool as runConfined, type ToolLimits as Limits } from '../run-tool'
import { Rejection } from './rejection'

export interface AudioToolLimits extends Pick<Limits, 'timeoutMs' | 'signal' | 'hear'> {
  /** The error for a timeout; by default the file is to blame. */
  whenLate?: () => Error
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
  take: (chunk: Buffer) => void,
): Promise<boolean> => runConfined(command, args, { ...defaults, ...limits }, take)

const defaults: Pick<Limits, 'memory' | 'whenLate' | 'whenCrashed'> = {
  // More than any legitimate file needs; `-max_alloc` limits only single allocations.
  memory: { of: 'addresses', KiB: 2 * 1024 * 1024 },
  whenLate: () => new Rejection('processing_timeout'),
  whenCrashed: () => new Rejection('damaged'),
}
