import { open } from 'node:fs/promises'
import { adtsEnding } from './endings/adts'
import { type Ending, type ReadEnding, type Sounding } from './endings/ending'
import { flacEnding } from './endings/flac'
import { aiffEnding, wavEnding } from './endings/iff'
import { mp4Ending } from './endings/mp4'
import { mpegEnding } from './endings/mpeg'
import { oggEnding } from './endings/ogg'
import { type Demuxer } from './formats'
import { Rejection } from './rejection'

const readers: Readonly<Record<Demuxer, ReadEnding>> = {
  ...{ mp3: mpegEnding, aac: adtsEnding, ogg: oggEnding, flac: flacEnding },
  ...{ wav: wavEnding, aiff: aiffEnding, mov: mp4Ending },
}

/**
 * How a file ends, by its own bytes: that of what was cut off is known before anybody listens.
 * @throws Rejection `damaged` when some of the sound is missing, `two_things` when a page is behind it
 */
export async function readEnding(path: string, demuxer: Demuxer, signal: AbortSignal): Promise<Ending['verdict']> {
  await using file = await open(path)
  const { size } = await file.stat()
  const from = await behindTags({ file, size, signal })
  if (from > size) throw new Rejection('damaged')
  const sounding = { file, from, size, signal }
  const { verdict, end } = await readers[demuxer](sounding)
  if (verdict === 'cut') throw new Rejection('damaged')
  const isPage = verdict === 'unclear' ? isPageInTail(sounding) : isPageAt(end, sounding)
  if (await isPage) throw new Rejection('two_things')
  return verdict
}

const tagHeadBytes = 10
/** Real files have one, or two. */
const tagsMax = 100

/** Where the first byte is that is no ID3v2, which ffmpeg passes over in every format: behind the end when that was cut off. */
async function behindTags({ file, size, signal }: Omit<Sounding, 'from'>): Promise<number> {
  const head = Buffer.alloc(tagHeadBytes)
  let at = 0
  for (let count = 0; at < size && count < tagsMax; count += 1) {
    signal.throwIfAborted()
    await file.read(head.fill(0), 0, tagHeadBytes, at)
    if (head.toString('latin1', 0, 3) !== 'ID3') return at
    const [flags = 0, ...bytes] = head.subarray(5)
    // Seven bits to a byte; a flag says that the head is repeated behind.
    at += tagHeadBytes + bytes.reduce((sum, byte) => sum * 128 + (byte & 127), 0) + (flags & 0x10 ? tagHeadBytes : 0)
  }
  return at
}

/** A page behind music shows itself to whoever takes the file for one; in a tag it is only text. */
async function isPageAt(end: number, { file, size }: Sounding): Promise<boolean> {
  const seen = Buffer.alloc(Math.min(1_024, size - end))
  await file.read(seen, 0, seen.length, end)
  return new RegExp(`^[\\s\\0\u00ef\u00bb\u00bf]*${page}`, 'i').test(seen.toString('latin1'))
}

/** The same where nobody knows the end of the sound: in a million files none looks like a page there by chance. */
async function isPageInTail({ file, size }: Sounding): Promise<boolean> {
  const seen = Buffer.alloc(Math.min(tailBytes, size))
  await file.read(seen, 0, seen.length, size - seen.length)
  const text = seen.toString('latin1')
  const at = text.search(new RegExp(`${page}[\\s>]`, 'i'))
  return at >= 0 && !text.slice(0, at).includes('APETAGEX')
}

const tailBytes = 256 * 1024
const page = '<(?:!doctype|html|head|body|script|svg|iframe|\\?php)\\b'
