import { setImmediate as yieldToEventLoop } from 'node:timers/promises'
import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/** Largest possible frame: 65,535 samples of 8 channels of 4 bytes, uncompressed. */
const frameBytesMax = 65_535 * 8 * 4 + 64
/** Bytes per turn of the event loop. */
const chunkBytes = 256 * 1024
/** A random match of a frame header with its checksum occurs once in some megabytes. */
const headsMax = 4

/**
 * FLAC: frames have no length, but end with a checksum. When no frame ends at the end of the file, data follows the
 * audio or audio is missing: decoding tells which, when the header gives the number of samples.
 */
export async function checkFlac({ file, from, size, signal }: OpenAudioFile): Promise<TruncationResult> {
  const info = Buffer.alloc(42)
  await file.read(info, 0, 42, from)
  const samples = (info.readUInt8(21) & 0x0f) * 2 ** 32 + info.readUInt32BE(22)
  const frameBytes = info.readUIntBE(15, 3)
  const length = Math.min(size - from, (frameBytes === 0 ? frameBytesMax : frameBytes) + id3v1Bytes)
  const tail = Buffer.alloc(length)
  await file.read(tail, 0, length, size - length)
  signal.throwIfAborted()
  const isTagged = tail.toString('latin1', Math.max(0, length - id3v1Bytes)).startsWith('TAG')
  if (await endsWithFrame(isTagged ? tail.subarray(0, -id3v1Bytes) : tail)) return { verdict: 'whole', audioEnd: size }
  return { verdict: samples === 0 ? 'cut' : 'unclear', audioEnd: size }
}

/** ID3v1, which FLAC does not allow, but some programs append. */
const id3v1Bytes = 128

async function endsWithFrame(bytes: Buffer): Promise<boolean> {
  let heads = 0
  for (let at = bytes.length - 1; at >= 0 && heads < headsMax; at -= 1) {
    if (bytes[at] !== 0xff) continue
    const headBytes = headBytesAt(bytes, at)
    if (headBytes === undefined || checksum(eight, bytes, at, at + headBytes, 0) !== 0) continue
    heads += 1
    let sum = 0
    for (let from = at; from < bytes.length; from += chunkBytes) {
      sum = checksum(sixteen, bytes, from, Math.min(from + chunkBytes, bytes.length), sum)
      await yieldToEventLoop()
    }
    if (sum === 0) return true
  }
  return false
}

/** RFC 9639, 9.1. Includes its checksum, so that the checksum over all of it is zero. */
function headBytesAt(bytes: Buffer, at: number): number | undefined {
  const [sync = 0, sizes = 0, shape = 0, first = 0] = [bytes[at + 1], bytes[at + 2], bytes[at + 3], bytes[at + 4]]
  const isReserved = sizes < 0x10 || (sizes & 15) === 15 || shape >= 0xb0 || (shape & 0x0e) === 6 || (shape & 1) !== 0
  if ((sync & 0xfe) !== 0xf8 || isReserved) return undefined
  // Encoded like UTF-8, up to seven bytes.
  const numberBytes = first < 0x80 ? 1 : Math.clz32(~(first << 24))
  const blockBytes = { 6: 1, 7: 2 }[sizes >> 4] ?? 0
  const rateBytes = { 12: 1, 13: 2, 14: 2 }[sizes & 15] ?? 0
  const length = 4 + numberBytes + blockBytes + rateBytes + 1
  const isNumber = first < 0x80 || (first >= 0xc0 && first < 0xff)
  return isNumber && at + length <= bytes.length ? length : undefined
}

interface Checksum {
  bits: 8 | 16
  table: Uint16Array
}

/** Polynomials of RFC 9639, 9.1.8 and 9.3. */
const [eight, sixteen] = [prepare(8, 0x07), prepare(16, 0x8005)]

function prepare(bits: 8 | 16, polynomial: number): Checksum {
  const table = Uint16Array.from({ length: 256 }, (_, byte) => {
    let sum = byte << (bits - 8)
    for (let bit = 0; bit < 8; bit += 1) sum = (sum << 1) ^ (sum & (1 << (bits - 1)) ? polynomial : 0)
    return sum & (2 ** bits - 1)
  })
  return { bits, table }
}

function checksum({ bits, table }: Checksum, bytes: Buffer, from: number, to: number, before: number): number {
  const [shift, mask] = [bits - 8, 2 ** bits - 1]
  let sum = before
  for (let at = from; at < to; at += 1)
    sum = ((sum << 8) ^ (table[((sum >> shift) ^ (bytes[at] ?? 0)) & 0xff] ?? 0)) & mask
  return sum
}
