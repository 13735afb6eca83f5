import { oggPages } from '../frames/ogg-pages'
import { scanFrames } from '../frames/scan-frames'
import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/**
 * Ogg: pages; the last page of each stream is flagged (RFC 3533, section 6). Of concatenated files the last one
 * counts.
 */
export async function checkOgg(sounding: OpenAudioFile): Promise<TruncationResult> {
  const open = new Set<number>()
  let isHead = false
  const { isCut, end } = await scanFrames(sounding, {
    ...oggPages,
    onFrame(bytes, at, { begins, ends }) {
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
  return { verdict: isCut || open.size > 0 ? 'cut' : 'whole', audioEnd: end }
}

/** How the first packet of a stream begins, by codec that players support. */
const codecSignatures = ['\u0001vorbis', 'OpusHead', '\u007fFLAC', 'Speex   ']

function isAudio(bytes: Buffer, at: number): boolean {
  const body = at + 27 + (bytes[at + 26] ?? 0)
  return codecSignatures.some(name => bytes.toString('latin1', body, body + name.length) === name)
}
