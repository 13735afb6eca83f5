import { readFile, writeFile } from 'node:fs/promises'
import { makeAudio, makeFromSource } from '../../make-audio'
import { testTools } from '../../audio-analysis'

/** Personal data that must not be in a file that other people may download. */
export const personalData = ['PLANTED', '+52.5', 'ann@example.org']
export const findPersonalData = (bytes: Buffer): string[] => personalData.filter(words => bytes.includes(words))

const words = 'PLANTED ann@example.org'
const tags = { title: words, artist: words, comment: words, location: '+52.5200+013.4050/', copyright: words }
const metadata = Object.entries(tags).flatMap(([name, value]) => ['-metadata', `${name}=${value}`])
export const taggedFileMs = 2_000
const source = 'anoisesrc=r=44100:a=0.5:seed=7:c=pink:d=2'
const cover = [
  ...['-f', 'lavfi', '-i', 'color=red:s=64x64:d=1', '-map', '0:a', '-map', '1:v', '-frames:v', '1'],
  ...['-c:v', 'png', '-metadata:s:v', `comment=${words}`, '-metadata:s:v', `title=${words}`],
  ...['-disposition:v', 'attached_pic'],
]

interface Recipe {
  extension: string
  args: readonly string[]
  /** Adds tags that ffmpeg does not write. */
  addTags?: (bytes: Buffer) => Buffer
}

/** Files with personal data in every kind of tag that their format has. */
const recipes: Readonly<Record<string, Recipe>> = {
  mp3: { extension: 'mp3', args: [...cover, '-write_id3v1', '1', '-c:a', 'libmp3lame'], addTags: withTrailingTags },
  'mp3 of variable rate, without a header': {
    extension: 'mp3',
    args: ['-c:a', 'libmp3lame', '-q:a', '4', '-write_xing', '0'],
  },
  aac: { extension: 'aac', args: ['-c:a', 'aac', '-f', 'adts', '-write_id3v2', '1'], addTags: withTrailingTags },
  'aac of two with tags': {
    extension: 'aac',
    args: ['-c:a', 'aac', '-f', 'adts', '-write_id3v2', '1'],
    addTags: bytes => twice(bytes),
  },
  m4a: { extension: 'm4a', args: [...cover, '-c:a', 'aac'], addTags: withBoxes },
  'm4a of ALAC': { extension: 'm4a', args: ['-c:a', 'alac'] },
  'm4a of FLAC': { extension: 'm4a', args: ['-c:a', 'flac', '-strict', '-2', '-f', 'mp4'] },
  'm4a of PCM': { extension: 'm4a', args: ['-c:a', 'pcm_s16le', '-f', 'mov'] },
  'm4a with an edit list of its own': { extension: 'm4a', args: ['-c:a', 'aac', '-movflags', 'use_metadata_tags'] },
  flac: { extension: 'flac', args: [...cover, '-c:a', 'flac'], addTags: withBlock },
  'flac of 24 bits': { extension: 'flac', args: ['-c:a', 'flac', '-sample_fmt', 's32'] },
  ogg: { extension: 'ogg', args: ['-c:a', 'libvorbis'], addTags: bytes => Buffer.concat([bytes, Buffer.from(words)]) },
  'ogg of FLAC': { extension: 'ogg', args: ['-c:a', 'flac'] },
  opus: { extension: 'opus', args: ['-c:a', 'libopus'] },
  wav: {
    extension: 'wav',
    args: ['-c:a', 'pcm_s24le', '-write_bext', '1', '-metadata', `originator=${words}`],
    addTags: withChunks,
  },
  'wav of floats': { extension: 'wav', args: ['-c:a', 'pcm_f32le'] },
  aiff: { extension: 'aiff', args: ['-c:a', 'pcm_s16be', '-write_id3v2', '1'], addTags: withAiffChunks },
  'aiff of bytes turned around': { extension: 'aiff', args: ['-c:a', 'pcm_s16le'] },
}

export const taggedFileKinds = Object.keys(recipes)

/** Creates a file of this kind in a folder and returns its path. */
export async function makeTaggedFile(kind: string, folder: string): Promise<string> {
  const recipe = recipes[kind]
  if (recipe === undefined) throw new Error(`there is no recipe for ${kind}`)
  const { extension, args, addTags } = recipe
  const made = await makeFromSource(testTools().ffmpeg, source, [...args, ...metadata], extension)
  if (addTags === undefined) return made
  const path = `${folder}/${kind.replace(/\W/g, '-')}.${extension}`
  await writeFile(path, addTags(await readFile(made)))
  return path
}

/** Two tagged recordings, concatenated. */
export async function concatenatedFile(kind: 'ogg' | 'mp3', folder: string): Promise<string> {
  const tagged = await makeAudio(testTools().ffmpeg, kind, { tags: { comment: words } })
  const path = `${folder}/doubled.${kind}`
  await writeFile(path, twice(await readFile(tagged)))
  return path
}

function twice(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, bytes])
}

/** APEv2, Lyrics3 and ID3v1. */
function withTrailingTags(bytes: Buffer): Buffer {
  const value = Buffer.from(words)
  const item = Buffer.concat([uint32(value.length), uint32(0), Buffer.from('Comment\0'), value])
  const header = (flags: number) =>
    Buffer.concat([
      ...[Buffer.from('APETAGEX'), uint32(2000), uint32(item.length + 32), uint32(1), uint32(flags), Buffer.alloc(8)],
    ])
  const lyrics = Buffer.from(`LYRICSBEGININF00023${words}000042LYRICS200`)
  const last = Buffer.concat([Buffer.from('TAG'), Buffer.from(words.padEnd(124)), Buffer.from([0])])
  return Buffer.concat([bytes, header(0xa0000000), item, header(0x80000000), lyrics, last])
}

/** Boxes with XMP and with data in free space. */
function withBoxes(bytes: Buffer): Buffer {
  const xmp = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')
  return Buffer.concat([bytes, chunkOf('uuid', Buffer.concat([xmp, Buffer.from(words)]), 8), chunkOf('free', words, 8)])
}

/** An APPLICATION block after STREAMINFO, and data after the last frame. */
function withBlock(bytes: Buffer): Buffer {
  const content = Buffer.from(`tuTi${words}`)
  const header = Buffer.from([2, 0, 0, content.length])
  const at = 4 + 4 + 34
  return Buffer.concat([bytes.subarray(0, at), header, content, bytes.subarray(at), Buffer.from(words)])
}

function withChunks(bytes: Buffer): Buffer {
  const info = Buffer.concat([Buffer.from('INFOICMT'), uint32(words.length + 1), Buffer.from(`${words}\0`)])
  const more = Buffer.concat([
    ...['iXML', 'id3 ', '_PMX', 'axml'].map(name => chunkOf(name, words, 0, 'le')),
    chunkOf('LIST', info, 0, 'le'),
  ])
  const riff = Buffer.concat([bytes, more])
  riff.writeUInt32LE(riff.length - 8, 4)
  return riff
}

function withAiffChunks(bytes: Buffer): Buffer {
  const comment = Buffer.alloc(10)
  comment.writeUInt16BE(1, 0)
  comment.writeUInt16BE(words.length, 8)
  const comments = Buffer.concat([comment, Buffer.from(words)])
  const more = Buffer.concat([
    ...['NAME', 'AUTH', '(c) ', 'ANNO', 'APPL', 'ID3 '].map(name => chunkOf(name, words)),
    chunkOf('COMT', comments),
  ])
  const form = Buffer.concat([bytes, more])
  form.writeUInt32BE(form.length - 8, 4)
  return form
}

/** `headerBytes`: how many bytes of its header the size field includes. */
function chunkOf(name: string, content: string | Buffer, headerBytes = 0, order: 'be' | 'le' = 'be'): Buffer {
  const body = Buffer.from(content)
  const size = order === 'le' ? uint32(body.length + headerBytes) : uint32(body.length + headerBytes).reverse()
  const pad = Buffer.alloc(headerBytes === 0 ? body.length % 2 : 0)
  return headerBytes === 0
    ? Buffer.concat([Buffer.from(name), size, body, pad])
    : Buffer.concat([size, Buffer.from(name), body])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
