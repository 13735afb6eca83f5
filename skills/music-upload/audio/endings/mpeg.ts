import { mp3Frames } from '../pieces/frame-kinds'
import { walk } from '../pieces/walk'
import { type Ending, type Sounding } from './ending'

/** How much less than its header promises may be there: some editors leave the header of what they cut from. */
const missingMsMax = 1_000
const missingShareMax = 0.01

/** MPEG audio, layer III: frames, of which the first may hold no sound but how many come after it. */
export async function mpegEnding(sounding: Sounding): Promise<Ending> {
  let promised: number | undefined
  let frames = -1
  let frameMs = 0
  const { isCut, end } = await walk(sounding, {
    ...mp3Frames,
    see(bytes, at, frame) {
      if (frames < 0) {
        promised = promisedBy(bytes.subarray(at, at + frame.bytes))
        frameMs = frame.ms
        if (promised === undefined) frames = 0
      }
      frames += 1
    },
  })
  const missingMs = ((promised ?? 0) - frames) * frameMs
  const mayMissMs = Math.max(missingMsMax, (promised ?? 0) * frameMs * missingShareMax)
  return { verdict: isCut || missingMs > mayMissMs ? 'cut' : 'whole', end }
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
