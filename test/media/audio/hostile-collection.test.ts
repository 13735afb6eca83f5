import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { rejectionReasons } from '../../../media/audio/rejection'
import { type AudioKind, makeAudio, makeVideo } from '../../make-audio'
import { testStack } from '../../stack'
import { createTestApp, type TestApp } from '../../test-app'
import * as hostile from './hostile-files'
import { validateAudio, validateAudioFiles } from './validate-audio'

/** Every kind of hostile file is either accepted or rejected with a documented code, and no URL is fetched. */
let testApp: TestApp
let tools: { ffmpeg: string; ffprobe: string }
let trap: Server
let url: string
let hits = 0
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  tools = testApp.app.config.tools
  trap = createServer(socket => {
    hits += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => trap.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/x.mp3`
})
afterEach(() => expect(hits).toBe(0))
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await new Promise(resolve => trap.close(resolve))
})

const makeShort = async (kind: AudioKind) => readFile(await makeAudio(tools.ffmpeg, kind, { seconds: 1.3 }))
const outcomes = [...Object.keys(rejectionReasons), 'taken']

it('fetches no URL of a playlist, plain or behind the signature of any format', async () => {
  const lists = Object.values(hostile.playlists(url)).map(text => Buffer.from(text))
  expect(new Set(await validateAudioFiles(tools, lists))).toEqual(new Set(['unsupported_format']))
  const disguised = lists.flatMap(list =>
    Object.values(hostile.fileSignatures).map(head => Buffer.concat([head, list])),
  )
  // ffprobe accepts some of them as a file of that format without audio.
  for (const code of await validateAudioFiles(tools, disguised))
    expect(['unsupported_format', 'no_audio_stream', 'unsupported_codec', 'damaged']).toContain(code)
}, 60_000)

it('reads the audio of an MP4 only from the file itself', async () => {
  const m4a = await makeShort('m4a')
  for (const address of [url, `file:///etc/passwd`])
    expect(outcomes).toContain(await validateAudio(tools, hostile.mp4WithExternalData(m4a, address)))
})

it('rejects other content before or behind the audio, and accepts it in tags', async () => {
  const mp3 = await makeShort('mp3')
  const zip = Buffer.concat([
    Buffer.from('PK\u0003\u0004', 'latin1'),
    Buffer.alloc(300),
    Buffer.from('PK\u0005\u0006', 'latin1'),
    Buffer.alloc(18),
  ])
  const page = Buffer.from('<html><script>alert(1)</script></html>')
  expect(await validateAudio(tools, Buffer.concat([Buffer.from('%PDF-1.4\n1 0 obj\n'), mp3]))).toBe(
    'unsupported_format',
  )
  expect(await validateAudio(tools, Buffer.concat([zip, mp3]))).toBe('unsupported_format')
  expect(await validateAudio(tools, Buffer.concat([page, mp3]))).toBe('unsupported_format')
  expect(await validateAudio(tools, Buffer.concat([mp3, zip]))).toBe('trailing_content')
  expect(await validateAudio(tools, Buffer.concat([await makeShort('wav'), zip]))).toBe('trailing_content')
  const remark = Buffer.from('with a remark')
  zip.writeUInt16LE(remark.length, zip.length - 2)
  expect(await validateAudio(tools, Buffer.concat([mp3, zip, remark]))).toBe('trailing_content')
  expect(await validateAudio(tools, Buffer.concat([mp3, zip, remark, Buffer.alloc(1)]))).toBe('taken')
  expect(await validateAudio(tools, Buffer.concat([hostile.id3(['TXXX', page]), mp3]))).toBe('taken')
})

it('does not trust the values of headers', async () => {
  const day = 24 * 60 * 60
  // The claimed size of a WAV beyond its end is ignored.
  expect(await validateAudio(tools, hostile.wav({ sampleRate: 8_000, bits: 8, claimed: 0xffff_ff00 }))).toBe('taken')
  expect(
    await validateAudio(tools, hostile.oggClaimingSamples(await makeShort('opus'), BigInt(30 * day * 48_000))),
  ).toBe('too_long')
  const odd = [
    hostile.wav({ channels: 255 }),
    hostile.wav({ channels: 65_535 }),
    hostile.wav({ channels: 0 }),
    hostile.wav({ sampleRate: 1_000_000_000 }),
    hostile.wav({ sampleRate: 0xffff_ffff, channels: 255, bits: 32 }),
    hostile.wav({ bits: 64, channels: 64 }),
  ]
  for (const code of await validateAudioFiles(tools, odd))
    expect(['unsupported_codec', 'damaged', 'no_audio_stream', 'unsupported_format', 'too_short']).toContain(code)
})

it('survives huge pictures, tags and nested boxes', async () => {
  const [mp3, flac] = [await makeShort('mp3'), await makeShort('flac')]
  const many: [string, Buffer][] = Array.from({ length: 20_000 }, (_, index) => [
    'TXXX',
    Buffer.from(`\u0003k${index}\0v`),
  ])
  const files = {
    pictures: hostile.flacWithPictures(flac, 7),
    words: Buffer.concat([hostile.id3(['TIT2', Buffer.alloc(20 * 1024 * 1024, 0x41)]), mp3]),
    many: Buffer.concat([hostile.id3(...many), mp3]),
    malformed: Buffer.concat([
      hostile.id3(['TIT2', Buffer.from([3, 0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0])]),
      mp3,
    ]),
    nested: hostile.nestedAtoms(10_000),
  }
  expect(await validateAudio(tools, files.malformed)).toBe('taken')
  expect(['unsupported_format', 'no_audio_stream']).toContain(await validateAudio(tools, files.nested))
  for (const file of [files.pictures, files.words, files.many])
    expect(outcomes).toContain(await validateAudio(tools, file))
}, 60_000)

it('rejects protected files, video, and nearly empty files', async () => {
  const m4a = await makeShort('m4a')
  expect(await validateAudio(tools, hostile.replaceText(m4a, 'ftypM4A ', 'ftypM4P '))).toBe('unsupported_format')
  // Only labelled as protected; really protected audio cannot be decoded.
  expect(outcomes).toContain(await validateAudio(tools, hostile.replaceText(m4a, 'mp4a', 'drms')))
  expect(await validateAudio(tools, await readFile(await makeVideo(tools.ffmpeg, { sound: false })))).toBe(
    'no_audio_stream',
  )
  expect(await validateAudio(tools, Buffer.alloc(0))).toBe('unsupported_format')
  expect(['unsupported_format', 'damaged']).toContain(
    await validateAudio(tools, (await makeShort('mp3')).subarray(0, 700)),
  )
})

it('accepts the first audio stream of a multiplexed Ogg', async () => {
  const path = join(testStack().folder, `multiplexed-${process.pid}.ogg`)
  const sine = ['-f', 'lavfi', '-i', 'sine=d=2']
  await promisify(execFile)(tools.ffmpeg, [
    ...['-v', 'error', '-nostdin', ...sine, ...sine, '-map', '0', '-map', '1'],
    ...['-c:a:0', 'libvorbis', '-c:a:1', 'libopus', '-y', path],
  ])
  expect(await validateAudio(tools, await readFile(path))).toBe('taken')
})
