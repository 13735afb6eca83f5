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

/** The path of the copy, or undefined when none can be made. */
async function strip(path: string, knownMs?: number): Promise<string | undefined> {
  const { ffmpeg, ffprobe } = testTools()
  const { signal } = new AbortController()
  const details = await probeAudio(ffprobe, path, signal)
  const durationMs =
    knownMs ?? (await measureAudio({ ffmpeg, path, ...details, fingerprintPath: null, signal })).durationMs
  const to = join(folder, `${Math.random()}.${details.format.extension}`)
  return (await stripMetadata({ ffmpeg, ffprobe, path, probe: details, durationMs, to, signal })) ? to : undefined
}

/** The hash of all decoded samples. */
async function hashSamples(path: string): Promise<string> {
  const args = ['-v', 'quiet', '-nostdin', '-i', path, '-map', '0:a:0', '-f', 'hash', '-hash', 'sha256', 'pipe:1']
  return (await promisify(execFile)(testTools().ffmpeg, args)).stdout
}

async function stripOrThrow(path: string, knownMs?: number): Promise<string> {
  const copy = await strip(path, knownMs)
  if (copy === undefined) throw new Error(`there is no copy of ${path}`)
  return copy
}

describe.each(taggedFileKinds)('the copy of %s', kind => {
  it('has the same samples and no metadata', async () => {
    const path = await makeTaggedFile(kind, folder)
    expect(findPersonalData(await readFile(path))).not.toEqual([])
    const copy = await stripOrThrow(path, kind.includes('of two') ? 2 * taggedFileMs : taggedFileMs)
    expect(findPersonalData(await readFile(copy))).toEqual([])
    const [before, after, { streams, format }] = await Promise.all([hashSamples(path), hashSamples(copy), probe(copy)])
    expect(after).toBe(before)
    expect(streams.map(({ codec_type }) => codec_type)).toEqual(['audio'])
    const containerTags = ['major_brand', 'minor_version', 'compatible_brands']
    expect(Object.keys(format.tags ?? {}).filter(tag => !containerTags.includes(tag))).toEqual([])
    expect((await readFile(copy)).includes('Lavf5')).toBe(false)
  })
})

it('has all frames of two concatenated files with tags between them, although ffmpeg drops the one before a tag', async () => {
  const path = await concatenatedFile('mp3', folder)
  const copy = await stripOrThrow(path)
  expect(findPersonalData(await readFile(copy))).toEqual([])
  const once = await readFile(await stripOrThrow(await makeAudio(testTools().ffmpeg, 'mp3')))
  expect((await readFile(copy)).equals(Buffer.concat([once, once]))).toBe(true)
})

it('has every frame of concatenated files of different formats', async () => {
  const { ffmpeg } = testTools()
  const bare = ['-write_xing', '0', '-id3v2_version', '0', '-c:a', 'libmp3lame']
  const mono = await readFile(await makeFromSource(ffmpeg, 'sine=d=4', [...bare, '-ac', '1', '-ar', '44100'], 'mp3'))
  const stereo = await readFile(
    await makeFromSource(ffmpeg, 'sine=f=880:d=4', [...bare, '-ac', '2', '-ar', '22050'], 'mp3'),
  )
  const path = join(folder, 'both.mp3')
  const between = Buffer.from('PLANTED\xff\xfb\x90\x64in between'.repeat(500), 'latin1')
  await writeFile(path, Buffer.concat([between, mono, between, stereo, between]))
  expect((await readFile(await stripOrThrow(path))).equals(Buffer.concat([mono, stereo]))).toBe(true)
})

it('has exactly the frames of a file longer than the buffer', async () => {
  const long = await makeAudio(testTools().ffmpeg, 'mp3', { seconds: 120 })
  const bytes = await readFile(long)
  expect(bytes.length).toBeGreaterThan(1024 * 1024)
  const path = join(folder, 'behind.mp3')
  await writeFile(path, Buffer.concat([bytes, Buffer.alloc(300_000)]))
  expect(bytes.includes(await readFile(await stripOrThrow(path)))).toBe(true)
  expect(await hashSamples(await stripOrThrow(long))).toBe(await hashSamples(long))
})

it('keeps the samples of a file whose encoder delay is in a tag', async () => {
  const { ffmpeg } = testTools()
  const args = ['-c:a', 'aac', '-f', 'ipod', '-use_editlist', '0', '-metadata', 'comment=PLANTED']
  const path = join(folder, 'itunes.m4a')
  await copyFile(await makeFromSource(ffmpeg, 'anoisesrc=r=44100:a=0.5:seed=7:d=3', args, 'm4a'), path)
  await writeFile(path, withGaplessTag(await readFile(path)))
  const samplesBefore = await hashSamples(path)
  const copy = await stripOrThrow(path)
  expect(await hashSamples(copy)).toBe(samplesBefore)
  expect((await readFile(copy)).includes('iTunSMPB')).toBe(false)
})

it('cannot be made of a chained Ogg file, or of an unusual codec in a container', async () => {
  expect(await strip(await concatenatedFile('ogg', folder))).toBeUndefined()
  const { ffmpeg } = testTools()
  expect(await strip(await makeFromSource(ffmpeg, 'sine=d=3', ['-c:a', 'libmp3lame'], 'wav'))).toBeUndefined()
})

it('is not detected as chained when bytes within a packet look like a first page', async () => {
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

it('fails when audio is missing', async () => {
  const { ffmpeg, ffprobe } = testTools()
  const { signal } = new AbortController()
  for (const kind of ['mp3', 'wav'] as const) {
    const path = await makeAudio(ffmpeg, kind)
    const details = await probeAudio(ffprobe, path, signal)
    const to = join(folder, `short.${kind}`)
    expect(await stripMetadata({ ffmpeg, ffprobe, path, probe: details, durationMs: 9_000, to, signal })).toBe(false)
  }
})

/** Adds the iTunes tag for an encoder delay of 1,024 samples and no padding. */
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
