import { type Frame, type FrameFormat } from './scan-frames'

/** A format of consecutive frames without a container. */
export type TimedFrameFormat = Omit<FrameFormat<TimedFrame>, 'onFrame'>

export interface TimedFrame extends Frame {
  ms: number
}

const rates = [44_100, 48_000, 32_000]
const kbpsOfMpeg1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const kbpsOfMpeg2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

/** Header-like bytes are common, for instance in pictures; three consecutive frames are not a coincidence. */
const common = { firstByte: 0xff, confirmationsNeeded: 2 }

/** MPEG 1, 2 and 2.5, layer III (ISO/IEC 11172-3, 2.4.1.3). */
export const mp3Frames: TimedFrameFormat = {
  ...common,
  headerBytes: 4,
  frameBytesMax: 1_441,

  parseFrame(bytes, at) {
    const one = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff || (one & 0xe6) !== 0xe2) return undefined
    const two = bytes[at + 2] ?? 0
    const version = (one >> 3) & 3
    const isMpeg1 = version === 3
    const kbps = (isMpeg1 ? kbpsOfMpeg1 : kbpsOfMpeg2)[two >> 4] ?? 0
    const rate = (rates[(two >> 2) & 3] ?? 0) / (isMpeg1 ? 1 : version === 2 ? 2 : 4)
    // Version 1 is reserved, and free-format headers do not give the length.
    if (version === 1 || kbps === 0 || rate === 0) return undefined
    const samples = isMpeg1 ? 1152 : 576
    return {
      bytes: Math.floor((samples * kbps * 125) / rate) + ((two >> 1) & 1),
      ms: (samples * 1000) / rate,
      kind: (version << 8) | (two & 0x0c),
    }
  },
}

const aacRates = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350],
]

/** ADTS, the framing of AAC without a container (ISO/IEC 13818-7, 6.2). */
export const adtsFrames: TimedFrameFormat = {
  ...common,
  headerBytes: 7,
  frameBytesMax: 8_191,

  parseFrame(bytes, at) {
    const one = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff || (one & 0xf6) !== 0xf0) return undefined
    const [two = 0, three = 0, four = 0, five = 0, six = 0] = bytes.subarray(at + 2, at + 7)
    const rate = aacRates[(two >> 2) & 15]
    const length = ((three & 3) << 11) | (four << 3) | (five >> 5)
    if (rate === undefined || length <= 7) return undefined
    return { bytes: length, ms: ((six & 3) + 1) * ((1024 * 1000) / rate), kind: ((one & 0x08) << 8) | (two & 0xfc) }
  },
}
