import { type FileHandle, open } from 'node:fs/promises'

/** Layout of a fragmented MP4, which players fetch in byte ranges. */
export interface FragmentLayout {
  /** The header, which precedes every fragment. */
  headerBytes: number
  firstSegmentAt: number
  /** In file order, contiguous to the end of the file. */
  segments: readonly { bytes: number; seconds: number }[]
  sizeBytes: number
}

/** A larger box is not from our encoder: the index of a day in segments of six seconds has 170 kB. */
const boxBytesMax = 4 * 1024 * 1024
const boxesMax = 16

/**
 * Reads the layout from the index in front of the fragments, which ffmpeg writes with `global_sidx`. Durations
 * exclude the encoder's priming, which the edit list hides.
 * @throws Error when the file has no such index or is truncated
 */
export async function readFragments(path: string): Promise<FragmentLayout> {
  await using file = await open(path)
  const { size: sizeBytes } = await file.stat()
  const boxes = new Map<string, { at: number; bytes: Buffer }>()
  for (let at = 0, count = 0; count < boxesMax && !boxes.has('sidx'); count += 1) {
    const header = await readAt(file, at, 8)
    const size = header.readUInt32BE(0)
    if (size < 8 || size > boxBytesMax) throw new Error('not a fragmented MP4 with an index')
    boxes.set(header.toString('latin1', 4, 8), { at, bytes: await readAt(file, at, size) })
    at += size
  }
  const [moov, sidx] = [boxes.get('moov'), boxes.get('sidx')]
  if (moov === undefined || sidx === undefined) throw new Error('not a fragmented MP4 with an index')
  const { timescale, firstOffset, entries } = readIndex(sidx.bytes)
  const firstAt = sidx.at + sidx.bytes.length + firstOffset
  const list = entries.map(({ bytes, duration }) => ({ bytes, seconds: duration / timescale }))
  if (list.reduce((sum, { bytes }) => sum + bytes, firstAt) !== sizeBytes)
    throw new Error('the index does not match the file size')
  return { headerBytes: moov.at + moov.bytes.length, firstSegmentAt: firstAt, segments: list, sizeBytes }
}

/** ISO/IEC 14496-12, 8.16.3. */
function readIndex(box: Buffer) {
  const isLong = box[8] === 1
  const timescale = box.readUInt32BE(16)
  const firstOffset = isLong ? Number(box.readBigUInt64BE(28)) : box.readUInt32BE(24)
  const countAt = isLong ? 38 : 30
  const entries = Array.from({ length: box.readUInt16BE(countAt) }, (_, index) => ({
    bytes: box.readUInt32BE(countAt + 2 + index * 12) & 0x7fffffff,
    duration: box.readUInt32BE(countAt + 6 + index * 12),
  }))
  return { timescale, firstOffset, entries }
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
  if (bytesRead < bytes) throw new Error('not a fragmented MP4 with an index')
  return buffer
}
