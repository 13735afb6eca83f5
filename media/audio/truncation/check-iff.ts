import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/** WAV: chunks with little-endian sizes. */
export const checkWav = (opened: OpenAudioFile): Promise<TruncationResult> =>
  ending(opened, { audioChunk: 'data', number: (head, at) => head.readUInt32LE(at) })

/** AIFF: chunks with big-endian sizes. */
export const checkAiff = (opened: OpenAudioFile): Promise<TruncationResult> =>
  ending(opened, { audioChunk: 'SSND', number: (head, at) => head.readUInt32BE(at) })

interface Dialect {
  audioChunk: string
  number: (head: Buffer, at: number) => number
}

/** Real files have a few dozen chunks. */
const chunksMax = 10_000
/** Size of the smallest WAV header: some writers count it in the data size. */
const missingBytesMax = 44

async function ending(
  { file, from, size, signal }: OpenAudioFile,
  { audioChunk, number }: Dialect,
): Promise<TruncationResult> {
  const head = Buffer.alloc(8)
  let at = from + 12
  for (let count = 0; at + 8 <= size && count < chunksMax; count += 1) {
    signal.throwIfAborted()
    await file.read(head, 0, 8, at)
    const name = head.toString('latin1', 0, 4)
    if (!/^[\w ]{4}$/.test(name)) break
    const bytes = number(head, 4)
    if (name === audioChunk) {
      if (isUnknown(bytes)) return { verdict: 'whole', audioEnd: size }
      if (at + 8 + bytes - size > missingBytesMax) return { verdict: 'cut', audioEnd: size }
    }
    // Chunks are padded to even offsets.
    at += 8 + bytes + (bytes % 2)
  }
  return { verdict: 'whole', audioEnd: Math.min(at, size) }
}

/** A writer into a pipe cannot seek back to fill in the size: it writes 0 or the largest number. */
const isUnknown = (bytes: number): boolean =>
  bytes === 0 || bytes >= 0xffff_0000 || Math.abs(bytes - 0x7fff_ffff) <= 0xffff
