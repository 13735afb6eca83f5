import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackage } from '../../../dev/processes/find-tool'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { getTrack } from '../../../skills/tracks/get-track'
import { getWaveform } from '../../../skills/tracks/get-waveform'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { type AudioKind, copyBeginning, makeAudio, convertBeginning } from '../../make-audio'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadFile } from './upload-file'

let testApp: TestApp
let ffmpeg: string
beforeAll(async () => {
  testApp = await createTestApp()
  ffmpeg = testApp.app.config.tools.ffmpeg
})
afterAll(() => testApp[Symbol.asyncDispose]())

const privateFolders = async () =>
  (await readdir(tmpdir())).filter(name => name.startsWith(`tutti-work-${process.pid}-`))

describe.each(transports)('an upload over %s', transport => {
  it('becomes a playable track, and its artist receives every step on the other node', async () => {
    const ann = await testApp.signIn('ann', { node: 1 })
    const bob = await testApp.signIn('bob', { node: 0 })
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const file = await makeAudio(ffmpeg, 'mp3', { tags: { title: 'From the tags', artist: 'Somebody' } })

    const { trackId, ...ended } = await uploadFile(
      testApp,
      ann,
      file,
      { title: 'As typed', genre: 'Noise' },
      { transport },
    )
    expect(ended).toMatchObject({ state: 'ready', step: null, progress: 100, error: null })

    await recorder.waitFor('tracks.trackPublished', data => data.trackId === trackId)
    const views = recorder.events
      .filter(({ name }) => name === 'music-upload.uploadChanged')
      .map(({ data }) => data.upload)
    expect(views).toMatchObject([
      { state: 'initiated', step: null, progress: 0 },
      { state: 'uploaded', step: null, progress: 0 },
      { state: 'processing', step: 'downloading', progress: 5 },
      { state: 'processing', step: 'probing', progress: 20 },
      { state: 'processing', step: 'waveform', progress: 40 },
      { state: 'processing', step: 'encoding', progress: 50 },
      { state: 'processing', step: 'storing', progress: 80 },
      { state: 'ready', step: null, progress: 100 },
    ])
    // The last event equals what a new read answers.
    expect(views.at(-1)).toEqual(await ann.call(getUpload, { uploadId: ended.id }, { transport }))
    expect(recorder.names().slice(-2)).toEqual(['tracks.trackChanged', 'tracks.trackPublished'])

    const track = await bob.call(getTrack, { trackId }, { transport })
    expect(track).toMatchObject({ title: 'As typed', genre: 'Noise', state: 'ready', owner: { id: ann.id } })
    expect(Math.abs((track.durationMs ?? 0) - 3_000)).toBeLessThan(100)
    const { peaks } = await bob.call(getWaveform, { trackId }, { transport })
    expect(peaks).toHaveLength(800)
    expect(Math.max(...peaks)).toBeGreaterThan(180)
    expect(Math.min(...peaks)).toBeLessThan(20)

    const grant = await bob.call(grantStream, { trackId }, { transport })
    expect(grant).toMatchObject({ contentType: 'audio/mp4', progressive: { rendition: 'aac-96' } })
    expect((await fetch(grant.url, { headers: { range: 'bytes=10-29' } })).status).toBe(206)
    const original = await ann.call(grantDownload, { trackId }, { transport })
    const part = await fetch(original.url, { headers: { range: 'bytes=10-29' } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-type')).toBe('audio/mpeg')
    expect(Buffer.from(await part.arrayBuffer())).toEqual((await readFile(file)).subarray(10, 30))
    expect(await testApp.app.storage.head(`incoming/${ended.id}`)).toBeUndefined()
    expect(await privateFolders()).toEqual([])
  })
})

const servedTypes: Record<AudioKind, string> = {
  mp3: 'audio/mpeg',
  aac: 'audio/aac',
  m4a: 'audio/mp4',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
  aiff: 'audio/aiff',
}

it.each(Object.keys(servedTypes) as AudioKind[])('accepts %s, whatever type was declared', async kind => {
  const ann = await testApp.signIn('ann')
  const file = await makeAudio(ffmpeg, kind)
  const { state, error, trackId } = await uploadFile(testApp, ann, file, { contentType: 'audio/mpeg' })
  expect({ state, error }).toEqual({ state: 'ready', error: null })
  const { contentType, durationMs } = await ann.call(grantStream, { trackId })
  expect(contentType).toBe('audio/mp4')
  expect((await ann.call(grantDownload, { trackId })).contentType).toBe(servedTypes[kind])
  expect(Math.abs(durationMs - 3_000)).toBeLessThan(150)
})

describe('the title', () => {
  const tags = { title: 'Tag \u0007 title', artist: 'X' }

  it('is that of the tags, cleaned, when the artist gives none', async () => {
    const ann = await testApp.signIn('ann')
    const { trackId } = await uploadFile(testApp, ann, await makeAudio(ffmpeg, 'ogg', { tags }))
    expect(await ann.call(getTrack, { trackId })).toMatchObject({ title: 'Tag title' })
  })

  it('is the file name when the tags have none', async () => {
    const ann = await testApp.signIn('ann')
    const { trackId } = await uploadFile(testApp, ann, await makeAudio(ffmpeg, 'wav'), {
      fileName: '../../etc/my_demo.wav',
    })
    expect(await ann.call(getTrack, { trackId })).toMatchObject({ title: '../../etc/my demo' })
  })
})

it('gives silence a flat waveform, and publishes no private track', async () => {
  const ann = await testApp.signIn('ann')
  const recorder = await ann.recordEvents(`user:${ann.id}`)
  const silence = await makeAudio(ffmpeg, 'flac', { source: 'aevalsrc=0' })
  const { trackId } = await uploadFile(testApp, ann, silence, { visibility: 'private' })
  const { peaks } = await ann.call(getWaveform, { trackId })
  expect(new Set(peaks)).toEqual(new Set([0]))
  await recorder.waitFor('tracks.trackChanged', ({ track }) => (track as { id: string }).id === trackId)
  await recorder.waitForAll(testApp.app)
  expect(recorder.names()).not.toContain('tracks.trackPublished')
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready', publishedAt: null })
})

it('accepts real music in every format, when a Debian package provides some', async () => {
  const folder = '/usr/share/games/asc/music'
  const isThere = await installPackage('asc-music')
  const songs = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.mp3'))
  expect(songs.length > 0).toBe(isThere)
  const ann = await testApp.signIn('ann')
  for (const song of songs) {
    const { trackId, state } = await uploadFile(testApp, ann, await copyBeginning(ffmpeg, join(folder, song), 20))
    expect(state).toBe('ready')
    const { durationMs } = await ann.call(getTrack, { trackId })
    expect(Math.abs((durationMs ?? 0) - 20_000)).toBeLessThan(200)
  }
  const [song] = songs
  if (song === undefined) return
  for (const kind of Object.keys(servedTypes) as AudioKind[]) {
    const { trackId, state } = await uploadFile(
      testApp,
      ann,
      await convertBeginning(ffmpeg, join(folder, song), kind, { seconds: 8 }),
    )
    expect([kind, state]).toEqual([kind, 'ready'])
    const { durationMs } = await ann.call(getTrack, { trackId })
    expect(Math.abs((durationMs ?? 0) - 8_000)).toBeLessThan(200)
    expect(Math.max(...(await ann.call(getWaveform, { trackId })).peaks)).toBeGreaterThan(20)
  }
}, 120_000)
