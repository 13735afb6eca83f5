import { open } from 'node:fs/promises'
import { type TimedFrameFormat } from './frames/mp3-adts-frames'
import { scanFrames } from './frames/scan-frames'

/**
 * Copies the frames of a file byte for byte, and nothing before, between or behind them: it drops any tags, also
 * those in the middle of concatenated files, which ffmpeg would take for a part of the preceding frame. Drops a last
 * frame that is truncated.
 * @returns the duration in milliseconds
 */
export async function copyFrames(
  from: string,
  to: string,
  format: TimedFrameFormat,
  signal: AbortSignal,
): Promise<number> {
  await using file = await open(from)
  await using output = await open(to, 'wx')
  const { size } = await file.stat()
  const ranges: [start: number, end: number][] = []
  let ms = 0
  await scanFrames(
    { file, from: 0, size, signal },
    {
      ...format,
      onFrame(_bytes, at, frame) {
        const before = ranges.at(-1)
        if (before?.[1] === at) before[1] += frame.bytes
        else ranges.push([at, at + frame.bytes])
        ms += frame.ms
      },
      async onWindowEnd(bytes) {
        for (const [start, end] of ranges.splice(0)) await output.appendFile(bytes.subarray(start, end))
      },
    },
  )
  return ms
}
