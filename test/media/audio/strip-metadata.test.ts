import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stripMetadata } from '../../../media/audio/strip-metadata'
import { isChainedOgg } from '../../../media/audio/is-chained-ogg'
import { measureAudio } from '../../../media/audio/measure-audio'
import { probeAudio } from '../../../media/audio/probe-audio'
import { makeAudio, makeFromSource } from '../../make-audio'
import { probe, testTools } from '../../audio-analysis'
import { concatenatedFile, findPersonalData, makeTaggedFile, taggedFileKinds, taggedFileMs } from './personal-tags'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-clean-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Where the copy of a file is; undefined where none can be made. */
async function copyOf(path: string, knownMs?: number): Promise<string | undefined> {
  const { ffmpeg, ffprobe } = testTools()
  const { signal } = new AbortController()
  const facts = await probeAudio(ffprobe, path, signal)
  const durationMs =
    knownMs ?? (await measureAudio({ ffmpeg, path, ...facts, fingerprintPath: null, signal })).durationMs
  const to = join(folder, `${Math.random()}.${facts.format.extension}`)
  return (await stripMetadata({ ffmpeg, ffprobe, path, probe: facts, durationMs, to, signal })) ? to : undefined
}

/** Of every decoded sample, as a player that knows its format would play it. */
async function soundOf(path: string): Promise<string> {
  const args = ['-v', 'quiet', '-nostdin', '-i', path, '-map', '0:a:0', '-f', 'hash', '-hash', 'sha256', 'pipe:1']
  return (await promisify(execFile)(testTools().ffmpeg, args)).stdout
}

async function wellCopied(path: string, knownMs?: number): Promise<string> {
  const copy = await copyOf(path, knownMs)
  if (copy === undefined) throw new Error(`there is no copy of ${path}`)
  return copy
}

describe.each(taggedFileKinds)('the copy of %s', kind => {
  it('has its very samples, and nothing else', async () => {
    const path = await makeTaggedFile(kind, folder)
    expect(findPersonalData(await readFile(path))).not.toEqual([])
    const copy = await wellCopied(path, kind.includes('of two') ? 2 * taggedFileMs : taggedFileMs)
    expect(findPersonalData(await readFile(copy))).toEqual([])
    const [before, after, { streams, format }] = await Promise.all([soundOf(path), soundOf(copy), probe(copy)])
    expect(after).toBe(before)
    expect(streams.map(({ codec_type }) => codec_type)).toEqual(['audio'])
    const ofContainer = ['major_brand', 'minor_version', 'compatible_brands']
    expect(Object.keys(format.tags ?? {}).filter(tag => !ofContainer.includes(tag))).toEqual([])
    expect((await readFile(copy)).includes('Lavf5')).toBe(false)
  })
})

it('has all frames of two files in one, tags between them: ffmpeg loses the one before a tag', async () => {
  const path = await concatenatedFile('mp3', folder)
  const copy = await wellCopied(path)
  expect(findPersonalData(await readFile(copy))).toEqual([])
  const once = await readFile(await wellCopied(await makeAudio(testTools().ffmpeg, 'mp3')))
  expect((await readFile(copy)).equals(Buffer.concat([once, once]))).toBe(true)
})

it('has each frame of what was put together of several kinds', async () => {
  const { ffmpeg } = testTools()
  const bare = ['-write_xing', '0', '-id3v2_version', '0', '-c:a', 'libmp3lame']
  const mono = await readFile(await makeFromSource(ffmpeg, 'sine=d=4', [...bare, '-ac', '1', '-ar', '44100'], 'mp3'))
  const stereo = await readFile(
    await makeFromSource(ffmpeg, 'sine=f=880:d=4', [...bare, '-ac', '2', '-ar', '22050'], 'mp3'),
  )
  const path = join(folder, 'both.mp3')
  const between = Buffer.from('PLANTED\xff\xfb\x90\x64in between'.repeat(500), 'latin1')
  await writeFile(path, Buffer.concat([between, mono, between, stereo, between]))
  expect((await readFile(await wellCopied(path))).equals(Buffer.concat([mono, stereo]))).toBe(true)
})

it('has the frames of a file that is longer than what is held at once, and nothing else', async () => {
  const long = await makeAudio(testTools().ffmpeg, 'mp3', { seconds: 120 })
  const bytes = await readFile(long)
  expect(bytes.length).toBeGreaterThan(1024 * 1024)
  const path = join(folder, 'behind.mp3')
  await writeFile(path, Buffer.concat([bytes, Buffer.alloc(300_000)]))
  expect(bytes.includes(await readFile(await wellCopied(path)))).toBe(true)
  expect(await soundOf(await wellCopied(long))).toBe(await soundOf(long))
})

it('keeps what is heard of a file that says in a tag what its encoder put in front', async () => {
  const { ffmpeg } = testTools()
  const args = ['-c:a', 'aac', '-f', 'ipod', '-use_editlist', '0', '-metadata', 'comment=PLANTED']
  const path = join(folder, 'itunes.m4a')
  await copyFile(await makeFromSource(ffmpeg, 'anoisesrc=r=44100:a=0.5:seed=7:d=3', args, 'm4a'), path)
  await writeFile(path, withGaplessTag(await readFile(path)))
  const heard = await soundOf(path)
  const copy = await wellCopied(path)
  expect(await soundOf(copy)).toBe(heard)
  expect((await readFile(copy)).includes('iTunSMPB')).toBe(false)
})

it('cannot be had of recordings one behind the other in one Ogg file, nor of a container with something unusual in it', async () => {
  expect(await copyOf(await concatenatedFile('ogg', folder))).toBeUndefined()
  const { ffmpeg } = testTools()
  expect(await copyOf(await makeFromSource(ffmpeg, 'sine=d=3', ['-c:a', 'libmp3lame'], 'wav'))).toBeUndefined()
})

it('is not taken for several recordings where something within a packet looks like the first page of another', async () => {
  const path = join(folder, 'looks-chained.ogg')
  const comment = 'x'.repeat(300)
  const bytes = await readFile(await makeAudio(testTools().ffmpeg, 'ogg', { tags: { comment } }))
  const page = Buffer.from('x'.repeat(14))
  page.write('OggS\0\0', 1, 'latin1')
  page.write('OggS\0\u0002', 8, 'latin1')
  page.copy(bytes, bytes.indexOf(comment) + 100)
  await writeFile(path, bytes)
  const { signal } = new AbortController()
  expect(await isChainedOgg(path, signal)).toBe(false)
  expect(await isChainedOgg(await concatenatedFile('ogg', folder), signal)).toBe(true)
})

it('is no copy when something is missing', async () => {
  const { ffmpeg, ffprobe } = testTools()
  const { signal } = new AbortController()
  for (const kind of ['mp3', 'wav'] as const) {
    const path = await makeAudio(ffmpeg, kind)
    const facts = await probeAudio(ffprobe, path, signal)
    const to = join(folder, `short.${kind}`)
    expect(await stripMetadata({ ffmpeg, ffprobe, path, probe: facts, durationMs: 9_000, to, signal })).toBe(false)
  }
})

/** iTunes' own way: 1,024 samples in front, none behind. */
function withGaplessTag(bytes: Buffer): Buffer {
  const text = ` 00000000 00000400 00000000 0000000000000000 ${'00000000 '.repeat(8)}`.trimEnd()
  const box = (type: string, content: Buffer) => {
    const header = Buffer.alloc(8)
    header.writeUInt32BE(8 + content.length)
    header.write(type, 4, 'latin1')
    return Buffer.concat([header, content])
  }
  const named = (type: string, name: string) => box(type, Buffer.concat([Buffer.alloc(4), Buffer.from(name)]))
  const data = box('data', Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.from(text)]))
  const tag = box('----', Buffer.concat([named('mean', 'com.apple.iTunes'), named('name', 'iTunSMPB'), data]))
  const at = bytes.indexOf('ilst')
  const end = at - 4 + bytes.readUInt32BE(at - 4)
  const longer = Buffer.concat([bytes.subarray(0, end), tag, bytes.subarray(end)])
  for (const name of ['moov', 'udta', 'meta', 'ilst']) {
    const sizeAt = bytes.lastIndexOf(name, at) - 4
    longer.writeUInt32BE(bytes.readUInt32BE(sizeAt) + tag.length, sizeAt)
  }
  return longer
}
