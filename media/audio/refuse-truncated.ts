import { open } from 'node:fs/promises'
import { checkAdts } from './truncation/check-adts'
import { type TruncationResult, type TruncationCheck, type OpenAudioFile } from './truncation/truncation-check'
import { checkFlac } from './truncation/check-flac'
import { checkAiff, checkWav } from './truncation/check-iff'
import { checkMp4 } from './truncation/check-mp4'
import { checkMp3 } from './truncation/check-mp3'
import { checkOgg } from './truncation/check-ogg'
import { type Demuxer } from './formats'
import { Rejection } from './rejection'

const readers: Readonly<Record<Demuxer, TruncationCheck>> = {
  ...{ mp3: checkMp3, aac: checkAdts, ogg: checkOgg, flac: checkFlac },
  ...{ wav: checkWav, aiff: checkAiff, mov: checkMp4 },
}

/**
 * Checks from the bytes of a file that its audio is complete, so that truncated files are rejected before decoding.
 * @throws Rejection `damaged` when audio is missing, `trailing_content` when a web page follows it
 */
export async function refuseTruncated(
  path: string,
  demuxer: Demuxer,
  signal: AbortSignal,
): Promise<TruncationResult['verdict']> {
  await using file = await open(path)
  const { size } = await file.stat()
  const from = await skipTags({ file, size, signal })
  if (from > size) throw new Rejection('damaged')
  const sounding = { file, from, size, signal }
  const { verdict, audioEnd } = await readers[demuxer](sounding)
  if (verdict === 'cut') throw new Rejection('damaged')
  const isPage = verdict === 'unclear' ? isPageInTail(sounding) : isPageAt(audioEnd, sounding)
  if (await isPage) throw new Rejection('trailing_content')
  return verdict
}

const tagHeadBytes = 10
/** Real files have one or two. */
const tagsMax = 100

/**
 * Offset behind the leading ID3v2 tags, which ffmpeg skips in every format; beyond the file size when a tag is
 * truncated.
 */
async function skipTags({ file, size, signal }: Omit<OpenAudioFile, 'from'>): Promise<number> {
  const head = Buffer.alloc(tagHeadBytes)
  let at = 0
  for (let count = 0; at < size && count < tagsMax; count += 1) {
    signal.throwIfAborted()
    await file.read(head.fill(0), 0, tagHeadBytes, at)
    if (head.toString('latin1', 0, 3) !== 'ID3') return at
    const [flags = 0, ...bytes] = head.subarray(5)
    // Seven bits per byte; a flag announces a footer of the size of the header.
    at += tagHeadBytes + bytes.reduce((sum, byte) => sum * 128 + (byte & 127), 0) + (flags & 0x10 ? tagHeadBytes : 0)
  }
  return at
}

/** HTML behind the audio is executed by a program that takes the file for a page; within a tag it is only text. */
async function isPageAt(end: number, { file, size }: OpenAudioFile): Promise<boolean> {
  const seen = Buffer.alloc(Math.min(1_024, size - end))
  await file.read(seen, 0, seen.length, end)
  return new RegExp(`^[\\s\\0\u00ef\u00bb\u00bf]*${page}`, 'i').test(seen.toString('latin1'))
}

/** The same when the end of the audio is unknown: none of a million files has HTML there by chance. */
async function isPageInTail({ file, size }: OpenAudioFile): Promise<boolean> {
  const seen = Buffer.alloc(Math.min(tailBytes, size))
  await file.read(seen, 0, seen.length, size - seen.length)
  const text = seen.toString('latin1')
  const at = text.search(new RegExp(`${page}[\\s>]`, 'i'))
  return at >= 0 && !text.slice(0, at).includes('APETAGEX')
}

const tailBytes = 256 * 1024
const page = '<(?:!doctype|html|head|body|script|svg|iframe|\\?php)\\b'
