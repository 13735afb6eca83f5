import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAudio, makeFromSource } from '../../make-audio'
import { measureLag, probe, decodeSamples, testTools } from '../../audio-analysis'
import { type TestStreams, makeTestStreams } from './make-test-streams'

const noise = 'anoisesrc=r=44100:a=0.5:seed=7:c=pink'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-streams-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the streams of a FLAC', () => {
  let testStreams: TestStreams
  let original: string
  beforeAll(async () => {
    original = await makeFromSource(testTools().ffmpeg, `${noise}:d=14.3`, ['-ac', '2'], 'flac')
    testStreams = await makeTestStreams(folder, original, { wantsOpus: true })
  })

  it('are three qualities of AAC, one of Opus when requested, and a preview', () => {
    expect(testStreams.names).toEqual(['aac-96', 'aac-160', 'aac-256', 'opus-128'])
    expect(testStreams.files.map(({ name }) => name)).toEqual([
      'preview.m4a',
      ...testStreams.names.flatMap(name => [`hls/${name}.mp4`, `hls/${name}.m3u8`]),
      'hls/master.m3u8',
    ])
    expect(testStreams.progress.at(-1)).toBeGreaterThan(0.9)
  })

  it.each([
    ['aac-96.mp4', 44_100, 1024],
    ['aac-160.mp4', 44_100, 1024],
    ['aac-256.mp4', 44_100, 1024],
    ['opus-128.mp4', 48_000, 960],
    ['aac-160.m3u8', 44_100, 1024],
    ['opus-128.m3u8', 48_000, 960],
  ])('%s begins with the first sample and ends with the last, to within a frame', async (name, sampleRate, frame) => {
    const before = await decodeSamples(original, sampleRate)
    const after = await decodeSamples(testStreams.pathOf(name), sampleRate)
    expect(Math.abs(after.length - before.length)).toBeLessThan(frame)
    expect(measureLag(before, after, 2_000)).toBe(0)
    expect(measureLag(before, after, 12 * sampleRate)).toBe(0)
  })

  it('have an edit list for the encoder delay, and the exact duration', async () => {
    const { streams, format } = await probe(testStreams.pathOf('aac-160.mp4'))
    expect(streams).toMatchObject([{ codec_name: 'aac', start_pts: -1024, channels: 2 }])
    expect(Number(format.duration)).toBeCloseTo(14.3, 3)
    expect((await readFile(testStreams.pathOf('aac-160.mp4'))).includes('elst')).toBe(true)
  })

  it('consist of consecutive byte ranges of one file, of about six seconds', async () => {
    for (const { name, bandwidth, averageBandwidth, sizeBytes } of testStreams.renditions) {
      const list = await readFile(testStreams.pathOf(`${name}.m3u8`), 'utf8')
      const [, header = ''] = /#EXT-X-MAP:URI="[^"]+",BYTERANGE="(\d+)@0"/.exec(list) ?? []
      const ranges = [...list.matchAll(/#EXTINF:([\d.]+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)\n(.+)\n/g)]
      const media = await readFile(testStreams.pathOf(`${name}.mp4`))
      expect(media.length).toBe(sizeBytes)
      expect(media.toString('latin1', 4, 8)).toBe('ftyp')
      let next: number | undefined
      for (const [, seconds, bytes, at, uri] of ranges) {
        expect(uri).toBe(`${name}.mp4`)
        expect(Number(seconds)).toBeLessThan(6.05)
        expect(media.toString('latin1', Number(at) + 4, Number(at) + 8)).toBe('moof')
        if (next !== undefined) expect(Number(at)).toBe(next)
        next = Number(at) + Number(bytes)
      }
      expect(ranges).toHaveLength(3)
      expect(next).toBe(sizeBytes)
      expect(Number(header)).toBeLessThan(1_000)
      expect(ranges.reduce((sum, [, seconds]) => sum + Number(seconds), 0)).toBeCloseTo(14.3, 2)
      expect(list).toContain('#EXT-X-ENDLIST')
      expect(averageBandwidth).toBeLessThanOrEqual(bandwidth)
      expect(averageBandwidth / 1000 / Number(name.split('-')[1])).toBeLessThan(1.25)
    }
    const master = await readFile(testStreams.pathOf('master.m3u8'), 'utf8')
    expect(master).toMatch(/#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="mp4a.40.2"\naac-96.m3u8\n/)
    expect(master).toMatch(/CODECS="opus"\nopus-128.m3u8\n/)
    expect(master).not.toMatch(/\/|http/)
  })

  it('can be played by the master playlist', async () => {
    const { streams } = await probe(testStreams.pathOf('master.m3u8'))
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['aac', 'aac', 'aac', 'opus'])
  })
})

describe('a preview', () => {
  const tone = 'aevalsrc=0.5*sin(440*2*PI*t)'

  it('is 30 seconds from the first third on, faded at both ends, with its index in front', async () => {
    const { pathOf } = await makeTestStreams(
      folder,
      await makeAudio(testTools().ffmpeg, 'opus', { source: tone, seconds: 60 }),
    )
    const { streams, format } = await probe(pathOf('preview.m4a'))
    expect(streams).toMatchObject([{ codec_name: 'aac', codec_type: 'audio' }])
    expect(Number(format.duration)).toBeCloseTo(30, 1)
    const bytes = await readFile(pathOf('preview.m4a'))
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
    const samples = await decodeSamples(pathOf('preview.m4a'), 8_000)
    const loudest = (from: number, to: number) => Math.max(...samples.subarray(from * 8_000, to * 8_000).map(Math.abs))
    expect(loudest(10, 20)).toBeGreaterThan(15_000)
    expect(loudest(0, 0.02)).toBeLessThan(3_000)
    expect(loudest(29.98, 30)).toBeLessThan(1_000)
  })

  it('is the whole of a shorter track', async () => {
    const { pathOf } = await makeTestStreams(
      folder,
      await makeAudio(testTools().ffmpeg, 'mp3', { source: tone, seconds: 4 }),
    )
    const { length } = await decodeSamples(pathOf('preview.m4a'), 8_000)
    expect(Math.abs(length / 8_000 - 4)).toBeLessThan(0.1)
  })
})

it('removes tags, chapters and covers', async () => {
  const { ffmpeg } = testTools()
  const tags = {
    title: 'PLANTED title',
    comment: 'PLANTED comment',
    location: '+52.5+013.4/PLANTED',
    copyright: 'PLANTED',
  }
  const metadata = Object.entries(tags).flatMap(([name, value]) => ['-metadata', `${name}=${value}`])
  const cover = ['-f', 'lavfi', '-i', 'color=red:s=64x64:d=1', '-map', '0:a', '-map', '1:v', '-frames:v', '1']
  const args = [...cover, '-c:v', 'png', '-disposition:v', 'attached_pic', ...metadata, '-c:a', 'libmp3lame']
  const file = await makeFromSource(ffmpeg, `${noise}:d=3`, args, 'mp3')
  expect((await readFile(file)).includes('PLANTED')).toBe(true)
  const { files, pathOf, names } = await makeTestStreams(folder, file)
  for (const { path } of files) expect((await readFile(path)).includes('PLANTED')).toBe(false)
  for (const name of [...names.map(name => `${name}.mp4`), 'preview.m4a']) {
    const { streams, format } = await probe(pathOf(name))
    expect(streams.map(({ codec_type }) => codec_type)).toEqual(['audio'])
    expect(Object.keys(format.tags as object).sort()).toEqual(['compatible_brands', 'major_brand', 'minor_version'])
  }
})

it('streams audio whose format changes in the middle with its full duration', async () => {
  const { ffmpeg } = testTools()
  const bare = ['-write_xing', '0', '-id3v2_version', '0', '-c:a', 'libmp3lame']
  const mono = await readFile(await makeFromSource(ffmpeg, 'sine=d=4', [...bare, '-ac', '1', '-ar', '44100'], 'mp3'))
  const stereo = await readFile(
    await makeFromSource(ffmpeg, 'sine=f=880:d=4', [...bare, '-ac', '2', '-ar', '22050'], 'mp3'),
  )
  const path = join(folder, 'both.mp3')
  await writeFile(path, Buffer.concat([mono, stereo]))
  const { pathOf, durationMs } = await makeTestStreams(folder, path)
  expect(Math.abs(durationMs - 8_000)).toBeLessThan(200)
  const { length } = await decodeSamples(pathOf('aac-96.mp4'), 44_100)
  expect(Math.abs((length / 44_100) * 1000 - durationMs)).toBeLessThan(100)
})

it('fills a gap in the middle with silence of the same duration', async () => {
  const seconds = 12
  const whole = await readFile(
    await makeFromSource(testTools().ffmpeg, `${noise}:d=${seconds}`, ['-c:a', 'libvorbis'], 'ogg'),
  )
  const pages: Buffer[] = []
  for (let at = 0, next = 0; at >= 0; at = next) {
    next = whole.indexOf('OggS', at + 4, 'latin1')
    pages.push(whole.subarray(at, next < 0 ? undefined : next))
  }
  const path = join(folder, 'gap.ogg')
  const isLost = (index: number) => index > pages.length / 3 && index < pages.length / 2
  await writeFile(path, Buffer.concat(pages.filter((_, index) => !isLost(index))))
  const { pathOf, durationMs } = await makeTestStreams(folder, path)
  expect(Math.abs(durationMs - seconds * 1000)).toBeLessThan(200)
  const { length } = await decodeSamples(pathOf('aac-96.mp4'), 44_100)
  expect(Math.abs((length / 44_100) * 1000 - durationMs)).toBeLessThan(25)
})
