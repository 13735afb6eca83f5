import { type Piece, walk } from '../pieces/walk'
import { type Ending, type Sounding } from './ending'

const [begins, ends] = [0x02, 0x04]
/** `OggS` */
const capture = 0x4f676753

/**
 * Ogg: pages, the last of which says for each stream in them that it is (RFC 3533, section 6). Where one file follows the
 * other the last one counts.
 */
export async function oggEnding(sounding: Sounding): Promise<Ending> {
  const open = new Set<number>()
  let isHead = false
  const { isCut, end } = await walk(sounding, {
    firstByte: 0x4f,
    headBytes: 4,
    pieceBytesMax: 27 + 255 + 255 * 255,
    witnesses: 0,
    pieceAt,
    see(bytes, at) {
      const [flags = 0, serial] = [bytes[at + 5], bytes.readUInt32LE(at + 14)]
      if (flags & begins) {
        if (!isHead) open.clear()
        // Words and pictures along with it need not end.
        if (isSound(bytes, at)) open.add(serial)
      }
      isHead = (flags & begins) !== 0
      if (flags & ends) open.delete(serial)
    },
  })
  return { verdict: isCut || open.size > 0 ? 'cut' : 'whole', end }
}

function pieceAt(bytes: Buffer, at: number): Piece | undefined {
  if (at + 4 > bytes.length || bytes.readUInt32BE(at) !== capture || (bytes[at + 4] ?? 0) !== 0) return undefined
  const body = at + 27 + (bytes[at + 26] ?? Infinity)
  // The end of the file is within the head of a page.
  if (body > bytes.length) return { bytes: Infinity, kind: 0 }
  let length = body - at
  for (let lacing = at + 27; lacing < body; lacing += 1) length += bytes[lacing] ?? 0
  return { bytes: length, kind: 0 }
}

/** What the first packet of a stream is called, by the codecs that players know. */
const names = ['\u0001vorbis', 'OpusHead', '\u007fFLAC', 'Speex   ']

function isSound(bytes: Buffer, at: number): boolean {
  const body = at + 27 + (bytes[at + 26] ?? 0)
  return names.some(name => bytes.toString('latin1', body, body + name.length) === name)
}
