import { type FileHandle, open } from 'node:fs/promises'
import { type Frame, type FrameKind } from './frame-kinds'

/** Between two of them others get their turn: one takes 1 ms, and 30 where every fourth byte begins what could be a header. */
const chunkBytes = 256 * 1024
/** So many in a row are no chance: bytes that look like a header are common, in pictures for one. */
const framesInRow = 3

/**
 * Writes the frames of a file to another, byte for byte, and nothing that lies before, between or behind them: tags of any
 * kind, also in the middle of what was put together of several files. ffmpeg would take such bytes for a part of the frame
 * before. A last frame that is cut off is left out.
 * @returns how long they last
 */
export async function copyFrames(from: string, to: string, kind: FrameKind, signal: AbortSignal): Promise<number> {
  await using input = await open(from)
  await using output = await open(to, 'wx')
  const walk = createWalk(kind)
  let held: Buffer = Buffer.alloc(0)
  for (let isLast = false; !isLast;) {
    signal.throwIfAborted()
    const chunk = await readNext(input)
    isLast = chunk.length === 0
    const bytes = Buffer.concat([held, chunk])
    const { ranges, restAt } = walk.over(bytes, isLast)
    for (const [start, end] of ranges) await output.appendFile(bytes.subarray(start, end))
    held = bytes.subarray(restAt)
  }
  return walk.ms()
}

async function readNext(input: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await input.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes)
  return buffer.subarray(0, bytesRead)
}

function createWalk(kind: FrameKind) {
  const { headerBytes, frameBytesMax, read } = kind
  // Where a frame ends another one is expected; everywhere else it takes some in a row.
  let isExpected = false
  let ms = 0
  return {
    ms: () => ms,

    /** Of bytes that begin where the last ones were left: which are frames, and from where on more must be known. */
    over(bytes: Buffer, isLast: boolean): { ranges: [number, number][]; restAt: number } {
      const ranges: [number, number][] = []
      const enough = isLast ? headerBytes : framesInRow * frameBytesMax + headerBytes
      let at = 0
      while (bytes.length - at >= enough) {
        const frame = read(bytes, at)
        if (frame !== undefined && (isExpected ? at + frame.bytes <= bytes.length : isInRow(frame, bytes, at))) {
          const before = ranges.at(-1)
          if (before?.[1] === at) before[1] += frame.bytes
          else ranges.push([at, at + frame.bytes])
          at += frame.bytes
          ms += frame.ms
          isExpected = true
        } else {
          isExpected = false
          const next = bytes.indexOf(0xff, at + 1)
          at = next < 0 ? bytes.length : next
        }
      }
      return { ranges, restAt: at }
    },
  }

  function isInRow(first: Frame, bytes: Buffer, firstAt: number): boolean {
    let at = firstAt + first.bytes
    for (let count = 1; count < framesInRow; count += 1) {
      // The end of the file is as good as another frame.
      if (at === bytes.length) return true
      if (at + headerBytes > bytes.length) return false
      const frame = read(bytes, at)
      if (frame?.sign !== first.sign) return false
      at += frame.bytes
    }
    return true
  }
}
