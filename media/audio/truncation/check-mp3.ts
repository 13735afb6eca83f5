import { mp3Frames } from '../frames/mp3-adts-frames'
import { scanFrames } from '../frames/scan-frames'
import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/** Tolerated loss against the header: some editors keep the header of the original when they cut a file. */
const missingMsMax = 1_000
const missingShareMax = 0.01

/** MPEG audio, layer III. The first frame may hold no audio but the number of frames that follow. */
export async function checkMp3(sounding: OpenAudioFile): Promise<TruncationResult> {
  let expected: number | undefined
  let frames = -1
  let frameMs = 0
  const { isCut, end } = await scanFrames(sounding, {
    ...mp3Frames,
    onFrame(bytes, at, frame) {
      if (frames < 0) {
        expected = framesInHeader(bytes.subarray(at, at + frame.bytes))
        frameMs = frame.ms
        if (expected === undefined) frames = 0
      }
      frames += 1
    },
  })
  const missingMs = ((expected ?? 0) - frames) * frameMs
  const mayMissMs = Math.max(missingMsMax, (expected ?? 0) * frameMs * missingShareMax)
  return { verdict: isCut || missingMs > mayMissMs ? 'cut' : 'whole', audioEnd: end }
}

/** The number of frames that follow, from the header of Xing, LAME or Fraunhofer, if this frame is one. */
function framesInHeader(frame: Buffer): number | undefined {
  const [version = 0, mode = 0] = [frame[1], frame[3]]
  const isMono = mode >> 6 === 3
  const sideBytes = version & 0x08 ? (isMono ? 17 : 32) : isMono ? 9 : 17
  const at = 4 + sideBytes
  const nameAt = (offset: number) => frame.toString('latin1', offset, offset + 4)
  if (['Xing', 'Info'].includes(nameAt(at)) && at + 12 <= frame.length)
    return (frame.readUInt32BE(at + 4) & 1) === 0 ? 0 : frame.readUInt32BE(at + 8)
  if (nameAt(36) === 'VBRI' && frame.length >= 54) return frame.readUInt32BE(50)
  return undefined
}
