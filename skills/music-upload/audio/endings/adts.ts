import { type Ending, type Sounding } from './ending'
import { type Piece, walk } from './walk'

/** AAC in ADTS frames. Nothing says how many there are. */
export async function adtsEnding(sounding: Sounding): Promise<Ending> {
  const pieces = { firstByte: 0xff, pieceBytesMax: 8_191, witnesses: 2, pieceAt: frameAt, see: () => undefined }
  const { isCut, end } = await walk(sounding, pieces)
  return { verdict: isCut ? 'cut' : 'whole', end }
}

/** ISO 14496-3, 1.A.2: 13 bits say how long a frame is, from the fourth byte on. */
function frameAt(bytes: Buffer, at: number): Piece | undefined {
  if (at + 6 > bytes.length) return headless(bytes, at)
  const [version = 0, rates = 0] = [bytes[at + 1], bytes[at + 2]]
  const length = (bytes.readUIntBE(at + 3, 3) >> 5) & 0x1fff
  if (bytes[at] !== 0xff || (version & 0xf6) !== 0xf0 || length < 7) return undefined
  return { bytes: length, kind: kindOf(version, rates) }
}

/** The end of the file is within the head of a frame. */
function headless(bytes: Buffer, at: number): Piece | undefined {
  const [version = 0, rates = 0] = [bytes[at + 1], bytes[at + 2]]
  const isHead = bytes.length - at >= 3 && bytes[at] === 0xff && (version & 0xf6) === 0xf0
  return isHead ? { bytes: Infinity, kind: kindOf(version, rates) } : undefined
}

const kindOf = (version: number, rates: number) => ((version & 0x08) << 8) | (rates & 0xfc)
