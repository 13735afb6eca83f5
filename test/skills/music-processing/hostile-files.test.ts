import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { getTrack } from '../../../skills/tracks/get-track'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio, makeVideo } from '../../make-audio'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadFile } from '../music-upload/upload-file'

/** Files that are not audio: each is rejected with a reason, and nothing of it is served. */
let testApp: TestApp
let eve: Person
let ffmpeg: string
let trap: Server
let hits = 0
beforeAll(async () => {
  testApp = await createTestApp()
  eve = await testApp.signIn('eve')
  ffmpeg = testApp.app.config.tools.ffmpeg
  trap = createServer(socket => {
    hits += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => trap.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await new Promise(resolve => trap.close(resolve))
})

async function rejectionCodeOf(file: string | Buffer): Promise<string> {
  const { id, state, error, trackId } = await uploadFile(testApp, eve, file)
  expect(state).toBe('rejected')
  expect(error?.message).toMatch(/^[A-Z].*\.$/)
  expect(await eve.call(getTrack, { trackId })).toMatchObject({ state: 'failed', publishedAt: null })
  expect(await eve.expectProblem(grantStream, { trackId })).toMatchObject({ code: 'track_not_ready', status: 409 })
  await testApp.runJobs()
  expect(await testApp.app.storage.head(`audio/${trackId}/${id}.mp3`)).toBeUndefined()
  expect(await testApp.app.storage.head(`incoming/${id}`)).toBeUndefined()
  return error?.code ?? ''
}

const trapUrl = () => `http://127.0.0.1:${(trap.address() as AddressInfo).port}/x.mp3`

it.each([
  ['text', 'Just some words, said to be music.'.repeat(50)],
  ['a page', '<!doctype html><script>alert(1)</script>'.repeat(20)],
  ['a picture', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
  ['a program', '\u007fELF\u0002\u0001\u0001'.padEnd(400, '\u0000')],
  ['an archive', `PK\u0003\u0004${'\u0000'.repeat(200)}`],
  ['one byte', 'x'],
  [
    'a tag before a page',
    `ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0000<html><script>alert(1)</script></html>`.repeat(9),
  ],
])('rejects %s named .mp3', async (_what, content) => {
  expect(await rejectionCodeOf(Buffer.from(content, 'latin1'))).toBe('unsupported_format')
})

it('fetches no URL that a disguised playlist names', async () => {
  const hls = `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${trapUrl()}\n#EXT-X-ENDLIST\n`
  const concat = `ffconcat version 1.0\nfile '${trapUrl()}'\nfile '/etc/passwd'\n`
  const sdp = `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n`
  const hidden = Buffer.concat([
    Buffer.from('ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0000', 'latin1'),
    Buffer.from(hls),
  ])
  for (const file of [Buffer.from(hls), Buffer.from(concat), Buffer.from(sdp), hidden])
    expect(await rejectionCodeOf(file)).toBe('unsupported_format')
  expect(hits).toBe(0)
})

it('rejects video without audio, and audio with video', async () => {
  expect(await rejectionCodeOf(await makeVideo(ffmpeg, { sound: false }))).toBe('no_audio_stream')
  expect(await rejectionCodeOf(await makeVideo(ffmpeg, { sound: true }))).toBe('video_not_supported')
})

it.each(['mp3', 'aac', 'm4a', 'flac', 'ogg', 'opus', 'wav', 'aiff'] as const)(
  'rejects a truncated %s with a helpful message',
  async kind => {
    const whole = await readFile(await makeAudio(ffmpeg, kind, { seconds: 12 }))
    const { state, error } = await uploadFile(testApp, eve, whole.subarray(0, whole.length / 2))
    expect({ state, error }).toEqual({
      state: 'rejected',
      error: { code: 'damaged', message: expect.stringMatching(/truncated.*too early\. Export it again/) as string },
    })
  },
)

it('rejects audio shorter than a second or longer than a day', async () => {
  expect(await rejectionCodeOf(await makeAudio(ffmpeg, 'wav', { seconds: 0.5 }))).toBe('too_short')
  const flac = await readFile(await makeAudio(ffmpeg, 'flac', { seconds: 2 }))
  // The lower 32 bits of the number of samples, in the block that every FLAC file begins with.
  flac.writeUInt32BE(0xffff_ffff, 8 + 14)
  expect(await rejectionCodeOf(flac)).toBe('too_long')
  const slow = await readFile(await makeAudio(ffmpeg, 'wav', { seconds: 1 }))
  slow.writeUInt32LE(1, slow.indexOf('fmt ') + 12)
  expect(await rejectionCodeOf(slow)).toBe('unsupported_codec')
})

it('shortens and cleans the title of huge tags', async () => {
  const tags = { title: `\u202eA\u0007${'b'.repeat(5_000)}`, comment: 'where I live', artist: 'x\ny' }
  const { trackId } = await uploadFile(testApp, eve, await makeAudio(ffmpeg, 'mp3', { tags }))
  const { title } = await eve.call(getTrack, { trackId })
  expect(Array.from(title)).toHaveLength(200)
  expect(title).not.toMatch(/\p{Cc}/u)
})

it('serves a tag that looks like HTML as JSON text', async () => {
  const title = '<script>alert(1)</script>'
  const { trackId } = await uploadFile(testApp, eve, await makeAudio(ffmpeg, 'mp3', { tags: { title } }))
  const response = await fetch(`${eve.url}/api/v1/tracks/${trackId}`, {
    headers: { authorization: `Bearer ${eve.token}`, accept: 'text/html' },
  })
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(await response.json()).toMatchObject({ data: { title } })
})

it('leaves no file and no process behind', async () => {
  expect((await readdir(tmpdir())).filter(name => name.startsWith(`tutti-work-${process.pid}-`))).toEqual([])
  const running = await new Promise<string>(resolve => execFile('ps', ['-eo', 'args'], (_error, out) => resolve(out)))
  expect(running).not.toContain(`tutti-work-${process.pid}-`)
})
