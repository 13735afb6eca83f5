import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/** A day in fragments of one second has 86,400 fragments of two boxes each. */
const boxesMax = 200_000
/** Read window: covers the headers of a fragment and of its data, and runs of small boxes, in one read. */
const windowBytes = 4 * 1024
/** Boxes the audio needs. A truncated box of another type behind them may be unrelated data. */
const needed = ['ftyp', 'moov', 'moof', 'mdat']

/** MP4: boxes with sizes (ISO 14496-12, 4.2). A cut between two fragments of a live recording cannot be detected. */
export async function checkMp4({ file, from, size, signal }: OpenAudioFile): Promise<TruncationResult> {
  const window = Buffer.alloc(windowBytes)
  let windowAt = -Infinity
  let at = from
  for (let count = 0; at + 8 <= size && count < boxesMax; count += 1) {
    signal.throwIfAborted()
    if (at + 16 > windowAt + windowBytes) {
      await file.read(window.fill(0), 0, windowBytes, at)
      windowAt = at
    }
    const head = window.subarray(at - windowAt)
    const name = head.toString('latin1', 4, 8)
    const boxSize = head.readUInt32BE(0)
    // 1 means a 64-bit size, 0 means up to the end of the file.
    const bytes = boxSize === 1 ? Number(head.readBigUInt64BE(8)) : boxSize === 0 ? size - at : boxSize
    if (!/^[\w ©-]{4}$/.test(name) || bytes < 8) break
    if (at + bytes > size) return { verdict: needed.includes(name) ? 'cut' : 'whole', audioEnd: at }
    at += bytes
  }
  return { verdict: 'whole', audioEnd: at }
}
