import { type Frame, type FrameFormat } from './scan-frames'

export interface OggPage extends Frame {
  /** First or last page of a stream. */
  begins: boolean
  ends: boolean
}

/** `OggS` */
const capture = 0x4f676753

/** Ogg pages (RFC 3533, section 6), contiguous: what looks like a page within another one is none. */
export const oggPages: Omit<FrameFormat<OggPage>, 'onFrame'> = {
  firstByte: 0x4f,
  headerBytes: 4,
  frameBytesMax: 27 + 255 + 255 * 255,
  confirmationsNeeded: 0,

  parseFrame(bytes, at) {
    if (at + 4 > bytes.length || bytes.readUInt32BE(at) !== capture || (bytes[at + 4] ?? 0) !== 0) return undefined
    const flags = bytes[at + 5] ?? 0
    const page = { begins: (flags & 0x02) !== 0, ends: (flags & 0x04) !== 0, kind: 0 }
    const body = at + 27 + (bytes[at + 26] ?? Infinity)
    // The file ends within the page header.
    if (body > bytes.length) return { ...page, bytes: Infinity }
    let length = body - at
    for (let lacing = at + 27; lacing < body; lacing += 1) length += bytes[lacing] ?? 0
    return { ...page, bytes: length }
  },
}
