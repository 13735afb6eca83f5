import { open } from 'node:fs/promises'
import { type FrameKind } from './pieces/frame-kinds'
import { walk } from './pieces/walk'

/**
 * Writes the frames of a file to another, byte for byte, and nothing that lies before, between or behind them: tags of any
 * kind, also in the middle of what was put together of several files. ffmpeg would take such bytes for a part of the frame
 * before. A last frame that is cut off is left out.
 * @returns how long they last
 */
export async function copyFrames(from: string, to: string, kind: FrameKind, signal: AbortSignal): Promise<number> {
  await using file = await open(from)
  await using output = await open(to, 'wx')
  const { size } = await file.stat()
  const ranges: [start: number, end: number][] = []
  let ms = 0
  await walk(
    { file, from: 0, size, signal },
    {
      ...kind,
      see(_bytes, at, frame) {
        const before = ranges.at(-1)
        if (before?.[1] === at) before[1] += frame.bytes
        else ranges.push([at, at + frame.bytes])
        ms += frame.ms
      },
      async keep(bytes) {
        for (const [start, end] of ranges.splice(0)) await output.appendFile(bytes.subarray(start, end))
      },
    },
  )
  return ms
}
