/** A kind of frames that follow each other without a container. */
export interface FrameKind {
  headerBytes: number
  frameBytesMax: number
  /** What a header says; undefined where there is none. `bytes` holds `headerBytes` from `at` on. */
  read: (bytes: Buffer, at: number) => Frame | undefined
}

export interface Frame {
  bytes: number
  ms: number
  /** What seldom changes from one to the next: how a frame is told from bytes that look like one. */
  sign: number
}

const rates = [44_100, 48_000, 32_000]
const kbpsOfMpeg1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const kbpsOfMpeg2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

/** Layer III of MPEG 1, 2 and 2.5 (ISO/IEC 11172-3, 2.4.1.3). */
export const mp3Frames: FrameKind = {
  headerBytes: 4,
  frameBytesMax: 1_441,

  read(bytes, at) {
    const one = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff || (one & 0xe6) !== 0xe2) return undefined
    const [two = 0, three = 0] = bytes.subarray(at + 2, at + 4)
    const version = (one >> 3) & 3
    const isMpeg1 = version === 3
    const kbps = (isMpeg1 ? kbpsOfMpeg1 : kbpsOfMpeg2)[two >> 4] ?? 0
    const rate = (rates[(two >> 2) & 3] ?? 0) / (isMpeg1 ? 1 : version === 2 ? 2 : 4)
    // Version 1 is reserved, and of free bit rates a header does not tell the length.
    if (version === 1 || kbps === 0 || rate === 0) return undefined
    const samples = isMpeg1 ? 1152 : 576
    const isMono = three >> 6 === 3
    return {
      bytes: Math.floor((samples * kbps * 125) / rate) + ((two >> 1) & 1),
      ms: (samples * 1000) / rate,
      sign: (one << 8) | (two & 0x0c) | Number(isMono),
    }
  },
}

const aacRates = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350],
]

/** ADTS, which AAC without a container is wrapped in (ISO/IEC 13818-7, 6.2). */
export const adtsFrames: FrameKind = {
  headerBytes: 7,
  frameBytesMax: 8_191,

  read(bytes, at) {
    const one = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff || (one & 0xf6) !== 0xf0) return undefined
    const [two = 0, three = 0, four = 0, five = 0, six = 0] = bytes.subarray(at + 2, at + 7)
    const rate = aacRates[(two >> 2) & 15]
    const length = ((three & 3) << 11) | (four << 3) | (five >> 5)
    if (rate === undefined || length <= 7) return undefined
    return { bytes: length, ms: ((six & 3) + 1) * ((1024 * 1000) / rate), sign: (one << 8) | (two & 0xfd) }
  },
}
