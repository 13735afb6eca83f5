import { type Ending, type Sounding } from './ending'
import { type Piece, walk } from './walk'

/** How much less than its header promises may be there: some editors leave the header of what they cut from. */
const missingMsMax = 1_000
const missingShareMax = 0.01

/** MPEG audio, layer III: frames, of which the first may hold no sound but how many come after it. */
export async function mpegEnding(sounding: Sounding): Promise<Ending> {
  let promised: number | undefined
  let frames = -1
  let frameMs = 0
  const { isCut, end } = await walk(sounding, {
    firstByte: 0xff,
    pieceBytesMax: 2_881,
    witnesses: 2,
    pieceAt: frameAt,
    see(bytes, at, frame) {
      if (frames < 0) {
        promised = promisedBy(bytes.subarray(at, at + frame.bytes))
        frameMs = frameMsOf(bytes, at)
        if (promised === undefined) frames = 0
      }
      frames += 1
    },
  })
  const missingMs = ((promised ?? 0) - frames) * frameMs
  const mayMissMs = Math.max(missingMsMax, (promised ?? 0) * frameMs * missingShareMax)
  return { verdict: isCut || missingMs > mayMissMs ? 'cut' : 'whole', end }
}

const sampleRates = [44_100, 48_000, 32_000]
const kbps = {
  first: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  later: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
}

/** ISO 11172-3, 2.4.1.3. Free format (bit rate 0) does not say how long its frames are. */
function frameAt(bytes: Buffer, at: number): Piece | undefined {
  const [sync = 0, version = 0, rates = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]]
  // Layer III, and not the version that is reserved.
  if (sync !== 0xff || (version & 0xe6) !== 0xe2 || (version & 0x18) === 0x08) return undefined
  const isFirst = (version & 0x08) !== 0
  const rate = (isFirst ? kbps.first : kbps.later)[rates >> 4] ?? 0
  const sampleRate = sampleRateOf(version, rates)
  if (rate === 0 || sampleRate === undefined) return undefined
  const padding = (rates >> 1) & 1
  return {
    bytes: Math.floor(((isFirst ? 144_000 : 72_000) * rate) / sampleRate) + padding,
    kind: ((version & 0x18) << 8) | (rates & 0x0c),
  }
}

function sampleRateOf(version: number, rates: number): number | undefined {
  const highest = sampleRates[(rates >> 2) & 3]
  // The bits say 3 for MPEG-1, 2 for MPEG-2 with half its rates, 0 for MPEG-2.5 with a quarter.
  return highest === undefined ? undefined : highest / ({ 0x18: 1, 0x10: 2 }[version & 0x18] ?? 4)
}

function frameMsOf(bytes: Buffer, at: number): number {
  const [version = 0, rates = 0] = [bytes[at + 1], bytes[at + 2]]
  return ((version & 0x08 ? 1_152 : 576) * 1_000) / (sampleRateOf(version, rates) ?? Infinity)
}

/** How many frames come after this one, when that is what it is for: Xing's, LAME's or Fraunhofer's header. */
function promisedBy(frame: Buffer): number | undefined {
  const [version = 0, mode = 0] = [frame[1], frame[3]]
  const isMono = mode >> 6 === 3
  const sideBytes = version & 0x08 ? (isMono ? 17 : 32) : isMono ? 9 : 17
  const at = 4 + sideBytes
  const nameAt = (place: number) => frame.toString('latin1', place, place + 4)
  if (['Xing', 'Info'].includes(nameAt(at)) && at + 12 <= frame.length)
    return (frame.readUInt32BE(at + 4) & 1) === 0 ? 0 : frame.readUInt32BE(at + 8)
  if (nameAt(36) === 'VBRI' && frame.length >= 54) return frame.readUInt32BE(50)
  return undefined
}
