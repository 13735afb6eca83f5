import { oggPages } from '../pieces/ogg-pages'
import { walk } from '../pieces/walk'
import { type Ending, type Sounding } from './ending'

/**
 * Ogg: pages, the last of which says for each stream in them that it is (RFC 3533, section 6). Where one file follows the
 * other the last one counts.
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
        // Words and pictures along with it need not end.
        if (isSound(bytes, at)) open.add(serial)
      }
      isHead = begins
      if (ends) open.delete(serial)
    },
  })
  return { verdict: isCut || open.size > 0 ? 'cut' : 'whole', end }
}

/** What the first packet of a stream is called, by the codecs that players know. */
const names = ['\u0001vorbis', 'OpusHead', '\u007fFLAC', 'Speex   ']

function isSound(bytes: Buffer, at: number): boolean {
  const body = at + 27 + (bytes[at + 26] ?? 0)
  return names.some(name => bytes.toString('latin1', body, body + name.length) === name)
}
