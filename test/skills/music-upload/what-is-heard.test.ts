import { TrackAudio } from '../../../models'
import { getAudioFacts } from '../../../skills/streaming/get-audio-facts'
import { getWaveform } from '../../../skills/streaming/get-waveform'
import { makeSound } from '../../audio'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { melody, samplesOf } from '../../sound'
import { freshWorld, type TestWorld } from '../../world'
import { upload } from './uploading'

/** From a file that was sent to what is stored and told of it. */
let world: TestWorld
let ann: Person
let bob: Person
let ffmpeg: string
let original: string
beforeAll(async () => {
  world = await freshWorld({ variables: { STREAM_OPUS: 'true' } })
  ann = await world.person('ann')
  bob = await world.person('bob')
  ffmpeg = world.world.config.tools.ffmpeg
  const tags = ['-metadata', 'title=A tune', '-metadata', 'comment=PLANTED', '-ac', '2', '-ar', '44100']
  original = await makeSound(ffmpeg, melody(1), tags, 'flac')
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a track', () => {
  let trackId: string
  let uploadId: string
  beforeAll(async () => {
    ;({ trackId, id: uploadId } = await upload(world, ann, original))
  })

  it('has its streams beside its file, each where its row says, and they play', async () => {
    const audio = await TrackAudio.findByPk(trackId)
    const below = `audio/${trackId}/${uploadId}`
    expect(audio).toMatchObject({
      uploadId,
      codec: 'flac',
      manifestKey: `${below}/hls/master.m3u8`,
      previewKey: `${below}/preview.m4a`,
    })
    const { storage } = world.world
    expect(await storage.head(`${below}.flac`)).toMatchObject({ contentType: 'audio/flac' })
    expect(await storage.head(`${below}/preview.m4a`)).toMatchObject({ contentType: 'audio/mp4' })
    const renditions = audio?.renditions ?? []
    expect(renditions.map(({ name, codecs }) => [name, codecs])).toEqual([
      ['aac-96', 'mp4a.40.2'],
      ['aac-160', 'mp4a.40.2'],
      ['aac-256', 'mp4a.40.2'],
      ['opus-128', 'opus'],
    ])
    const master = (await storage.get(audio?.manifestKey ?? ''))?.toString() ?? ''
    for (const { name, playlistKey, mediaKey, sizeBytes, bandwidth } of renditions) {
      expect(playlistKey).toBe(`${below}/hls/${name}.m3u8`)
      expect(mediaKey).toBe(`${below}/hls/${name}.mp4`)
      expect(await storage.head(mediaKey)).toMatchObject({ contentType: 'audio/mp4', sizeBytes })
      expect(await storage.head(playlistKey)).toMatchObject({ contentType: 'application/vnd.apple.mpegurl' })
      expect(master).toContain(`BANDWIDTH=${bandwidth},`)
    }
    const { mediaKey = '' } = renditions[0] ?? {}
    const samples = await samplesOf(await storage.presignGet(mediaKey, 60, 'audio/mp4'), 44_100)
    expect(Math.abs(samples.length / 44_100 - 15)).toBeLessThan(0.025)
  })

  it.each(doors)('tells listeners how it sounds, and its owner what the file says, over %s', async door => {
    const facts = await bob.call(getAudioFacts, { trackId }, { door })
    expect(facts).toMatchObject({
      ...{ trackId, version: uploadId, codec: 'flac', contentType: 'audio/flac', channels: 2, sampleRate: 44_100 },
      ...{ durationMs: 15_000, hasPreview: true },
    })
    expect(facts.loudnessLufs).toBeLessThan(-8)
    expect(facts.loudnessLufs).toBeGreaterThan(-25)
    expect(facts.truePeakDbtp).toBeLessThan(0)
    expect(facts.renditions.map(({ name }) => name)).toEqual(['aac-96', 'aac-160', 'aac-256', 'opus-128'])
    expect(facts).not.toHaveProperty('own')
    const { own } = await ann.call(getAudioFacts, { trackId }, { door })
    expect(own).toEqual({ tags: { title: 'A tune' }, resembles: [], downloadCopy: 'none' })
    expect((await bob.call(getWaveform, { trackId, points: 3_200 }, { door })).peaks).toHaveLength(3_200)
  })

  it('of before has its file alone', async () => {
    const { id } = await makeTrack(ann.id)
    expect(await bob.call(getAudioFacts, { trackId: id })).toMatchObject({
      ...{ version: null, codec: null, loudnessLufs: null, renditions: [], hasPreview: false },
    })
  })

  it('that is not there, not ready or not theirs to see tells nobody', async () => {
    const { id: hidden } = await makeTrack(ann.id, { visibility: 'private' })
    const { id: unready } = await makeTrack(ann.id, { state: 'processing', durationMs: null })
    expect(await bob.refused(getAudioFacts, { trackId: hidden })).toMatchObject({ code: 'not_found' })
    expect(await bob.refused(getAudioFacts, { trackId: unready })).toMatchObject({ code: 'not_found' })
    expect(await ann.refused(getAudioFacts, { trackId: unready })).toMatchObject({ code: 'not_ready' })
  })
})
