import { oggPages } from '../pieces/ogg-pages'
import { walk } from '../pieces/walk'
import { type Ending, type Sounding } from './ending'

/**
 * Ogg: pages; the last page of each stream is flagged (RFC 3533, section 6). Of concatenated files the last one
 * counts.
 */
export async function oggEnding(sounding: Sounding): Promise<Ending> {
  const open = new Set<number>()
  let isHead = false
  const { isCut, end } = await walk(sounding, {
    ...oggPages,
    see(bytes, at, { begins, ends }) {
      const serial = bytes.readUInt32LE(at + 14)
      if (begins) {
        if (!isHead) open.clear()
        // Streams of text and pictures need not be complete.
        if (isAudio(bytes, at)) open.add(serial)
      }
      isHead = begins
      if (ends) open.delete(serial)
    },
  })
  return { verdict: isCut || open.size > 0 ? 'cut' : 'whole', end }
}

/** How the first packet of a stream begins, by codec that players support. */
const codecSignatures = ['\u0001vorbis', 'OpusHead', '\u007fFLAC', 'Speex   ']

function isAudio(bytes: Buffer, at: number): boolean {
  const body = at + 27 + (bytes[at + 26] ?? 0)
  return codecSignatures.some(name => bytes.toString('latin1', body, body + name.length) === name)
}
