import { TrackAudio } from '../../../models'
import { getAudioDetails } from '../../../skills/tracks/get-audio-details'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { makeFromSource } from '../../make-audio'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { melodySource, decodeSamples } from '../../audio-analysis'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadFile } from '../music-upload/upload-file'

/** From an uploaded file to its stored objects and details. */
let testApp: TestApp
let ann: Person
let bob: Person
let ffmpeg: string
let original: string
beforeAll(async () => {
  testApp = await createTestApp({ variables: { ENCODE_OPUS: 'true' } })
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  ffmpeg = testApp.app.config.tools.ffmpeg
  const tags = ['-metadata', 'title=A tune', '-metadata', 'comment=PLANTED', '-ac', '2', '-ar', '44100']
  original = await makeFromSource(ffmpeg, melodySource(1), tags, 'flac')
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe('a track', () => {
  let trackId: string
  let uploadId: string
  beforeAll(async () => {
    ;({ trackId, id: uploadId } = await uploadFile(testApp, ann, original))
  })

  it('has its streams stored under the object keys of its row, and they play', async () => {
    const audio = await TrackAudio.findByPk(trackId)
    const keyPrefix = `audio/${trackId}/${uploadId}`
    expect(audio).toMatchObject({
      uploadId,
      codec: 'flac',
      manifestKey: `${keyPrefix}/hls/master.m3u8`,
      previewKey: `${keyPrefix}/preview.m4a`,
    })
    const { storage } = testApp.app
    expect(await storage.head(`${keyPrefix}.flac`)).toMatchObject({ contentType: 'audio/flac' })
    expect(await storage.head(`${keyPrefix}/preview.m4a`)).toMatchObject({ contentType: 'audio/mp4' })
    const renditions = audio?.renditions ?? []
    expect(renditions.map(({ name, codecs }) => [name, codecs])).toEqual([
      ['aac-96', 'mp4a.40.2'],
      ['aac-160', 'mp4a.40.2'],
      ['aac-256', 'mp4a.40.2'],
      ['opus-128', 'opus'],
    ])
    const master = (await storage.get(audio?.manifestKey ?? ''))?.toString() ?? ''
    for (const { name, playlistKey, mediaKey, sizeBytes, bandwidth } of renditions) {
      expect(playlistKey).toBe(`${keyPrefix}/hls/${name}.m3u8`)
      expect(mediaKey).toBe(`${keyPrefix}/hls/${name}.mp4`)
      expect(await storage.head(mediaKey)).toMatchObject({ contentType: 'audio/mp4', sizeBytes })
      expect(await storage.head(playlistKey)).toMatchObject({ contentType: 'application/vnd.apple.mpegurl' })
      expect(master).toContain(`BANDWIDTH=${bandwidth},`)
    }
    const { mediaKey = '' } = renditions[0] ?? {}
    const samples = await decodeSamples(await storage.presignGet(mediaKey, 60, 'audio/mp4'), 44_100)
    expect(Math.abs(samples.length / 44_100 - 15)).toBeLessThan(0.025)
  })

  it.each(transports)(
    'gives listeners the audio details, and the owner also the tags of the file, over %s',
    async transport => {
      const details = await bob.call(getAudioDetails, { trackId }, { transport })
      expect(details).toMatchObject({
        ...{ trackId, version: uploadId, codec: 'flac', contentType: 'audio/flac', channels: 2, sampleRate: 44_100 },
        ...{ durationMs: 15_000, hasPreview: true },
      })
      expect(details.loudnessLufs).toBeLessThan(-8)
      expect(details.loudnessLufs).toBeGreaterThan(-25)
      expect(details.truePeakDbtp).toBeLessThan(0)
      expect(details.renditions.map(({ name }) => name)).toEqual(['aac-96', 'aac-160', 'aac-256', 'opus-128'])
      expect(details).not.toHaveProperty('ownerDetails')
      const { ownerDetails } = await ann.call(getAudioDetails, { trackId }, { transport })
      expect(ownerDetails).toEqual({ tags: { title: 'A tune' }, sameRecordingTrackIds: [], downloadCopy: 'none' })
      expect((await bob.call(getWaveform, { trackId, points: 3_200 }, { transport })).peaks).toHaveLength(3_200)
    },
  )

  it('has empty details without renditions', async () => {
    const { id } = await makeTrack(ann.id)
    expect(await bob.call(getAudioDetails, { trackId: id })).toMatchObject({
      ...{ version: null, codec: null, loudnessLufs: null, renditions: [], hasPreview: false },
    })
  })

  it('has no details while it is hidden or not ready', async () => {
    const { id: hidden } = await makeTrack(ann.id, { visibility: 'private' })
    const { id: unready } = await makeTrack(ann.id, { state: 'processing', durationMs: null })
    expect(await bob.expectProblem(getAudioDetails, { trackId: hidden })).toMatchObject({ code: 'not_found' })
    expect(await bob.expectProblem(getAudioDetails, { trackId: unready })).toMatchObject({ code: 'not_found' })
    expect(await ann.expectProblem(getAudioDetails, { trackId: unready })).toMatchObject({ code: 'track_not_ready' })
  })
})
