import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AudioKind, makeAudio, makeFromSource } from '../../make-audio'
import { probe, decodeSamples, testTools } from '../../audio-analysis'
import { makeTestStreams } from './make-test-streams'

const noise = 'anoisesrc=r=44100:a=0.5:seed=7:c=pink'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-streams-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const kinds: AudioKind[] = ['mp3', 'aac', 'm4a', 'flac', 'ogg', 'opus', 'wav', 'aiff']
it.each(kinds)('%s can be streamed with its full duration', async kind => {
  const { pathOf, names, durationMs } = await makeTestStreams(folder, await makeAudio(testTools().ffmpeg, kind))
  for (const name of names) {
    const { length } = await decodeSamples(pathOf(`${name}.mp4`), 44_100)
    expect(Math.abs((length / 44_100) * 1000 - durationMs)).toBeLessThan(25)
  }
})

describe('no quality is better than its source', () => {
  it.each([
    ['one channel', ['-ac', '1', '-ar', '48000'], ['aac-96'], 1, 48_000],
    ['six channels', ['-ac', '6', '-ar', '44100'], ['aac-96', 'aac-160', 'aac-256'], 2, 44_100],
    ['96 kHz', ['-ac', '2', '-ar', '96000'], ['aac-96', 'aac-160', 'aac-256'], 2, 48_000],
    ['a telephone', ['-ac', '1', '-ar', '8000'], ['aac-24'], 1, 8_000],
    ['speech', ['-ac', '1', '-ar', '22050'], ['aac-64'], 1, 22_050],
    ['an odd rate', ['-ac', '2', '-ar', '37800'], ['aac-96', 'aac-160', 'aac-256'], 2, 44_100],
  ])('%s', async (_what, args, qualities, channels, sampleRate) => {
    const file = await makeFromSource(testTools().ffmpeg, `${noise}:d=2`, args, 'flac')
    const { pathOf, names } = await makeTestStreams(folder, file)
    expect(names).toEqual(qualities)
    for (const name of names) {
      const { streams } = await probe(pathOf(`${name}.mp4`))
      expect(streams).toMatchObject([{ channels, sample_rate: String(sampleRate) }])
    }
  })

  it.each([
    ['64k', ['aac-96']],
    ['128k', ['aac-96', 'aac-160']],
    ['320k', ['aac-96', 'aac-160', 'aac-256']],
  ])('MP3 at %s', async (bitrate, qualities) => {
    const args = ['-ac', '2', '-ar', '44100', '-c:a', 'libmp3lame', '-b:a', bitrate]
    const { names } = await makeTestStreams(
      folder,
      await makeFromSource(testTools().ffmpeg, `${noise}:d=3`, args, 'mp3'),
    )
    expect(names).toEqual(qualities)
  })
})
