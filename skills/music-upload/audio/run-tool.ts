import { runTool as runConfined, type ToolLimits as Limits } from '../../../kernel/run-tool'
import { Rejection } from './rejection'

export interface ToolLimits extends Pick<Limits, 'timeoutMs' | 'signal' | 'hear'> {
  /** What it means that it was busy for too long; that the file is at fault unless told otherwise. */
  whenLate?: () => Error
}

/**
 * Runs ffmpeg or ffprobe on foreign bytes, confined.
 * @returns whether it ended well
 * @throws Rejection `too_slow` when it was busy all that time, `damaged` when the file crashes it; else as whatever is confined.
 */
export const runTool = (
  command: string,
  args: readonly string[],
  limits: ToolLimits,
  take: (chunk: Buffer) => void,
): Promise<boolean> => runConfined(command, args, { ...usual, ...limits }, take)

const usual: Pick<Limits, 'memory' | 'whenLate' | 'whenCrashed'> = {
  // Far more than any file needs that is not made to need more: `-max_alloc` bounds only each single piece.
  memory: { of: 'addresses', KiB: 2 * 1024 * 1024 },
  whenLate: () => new Rejection('too_slow'),
  whenCrashed: () => new Rejection('damaged'),
}
