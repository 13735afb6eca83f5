import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fingerprintDifference, keyWords } from '../../../media/audio/fingerprint'
import { measureAudio } from '../../../media/audio/measure-audio'
import { createLoudnessParser } from '../../../media/audio/loudness'
import { probeAudio } from '../../../media/audio/probe-audio'
import { makeFromSource, convertAudio } from '../../make-audio'
import { melodySource, testTools } from '../../audio-analysis'

const { signal } = new AbortController()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-listen-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const measureSource = async (source: string, args: readonly string[] = []) =>
  measureFile(await makeFromSource(testTools().ffmpeg, source, args, 'wav'))

async function measureFile(path: string) {
  const { ffmpeg, ffprobe } = testTools()
  const details = await probeAudio(ffprobe, path, signal)
  return measureAudio({ ffmpeg, path, ...details, fingerprintPath: join(folder, 'fingerprint'), signal })
}

const float = ['-c:a', 'pcm_f32le']
const sine = (dbfs: number, hz = 1000) => `${10 ** (dbfs / 20)}*sin(2*PI*${hz}*t)`

describe('loudness', () => {
  // EBU Tech 3341, case 1 and 2.
  it.each([-23, -33])('of a stereo tone of 1 kHz at %i dBFS is that value in LUFS', async level => {
    const { loudnessLufs, truePeakDbtp } = await measureSource(
      `aevalsrc=${sine(level)}|${sine(level)}:d=6:s=48000`,
      float,
    )
    expect(Math.abs((loudnessLufs ?? 0) - level)).toBeLessThanOrEqual(0.1)
    expect(Math.abs((truePeakDbtp ?? 0) - level)).toBeLessThanOrEqual(0.2)
  })

  it('of mono is that of the same signal on both speakers', async () => {
    const { loudnessLufs } = await measureSource(`aevalsrc=${sine(-23)}:d=6:s=48000`, float)
    expect(Math.abs((loudnessLufs ?? 0) + 23)).toBeLessThanOrEqual(0.1)
  })

  it('includes the peak between samples', async () => {
    // A quarter of the sample rate, phase-shifted: no sample is above -9 dBFS. It fades in, because a sudden start overshoots.
    const { truePeakDbtp } = await measureSource('aevalsrc=0.5*min(1\\,t/2)*sin(2*PI*t*11025+PI/4):d=3:s=44100', float)
    expect(Math.abs((truePeakDbtp ?? 0) + 6)).toBeLessThanOrEqual(0.3)
  })

  it('of silence is null', async () => {
    const { loudnessLufs, truePeakDbtp, fingerprint, durationMs } = await measureSource('aevalsrc=0:d=12')
    expect({ loudnessLufs, truePeakDbtp, fingerprint, durationMs }).toEqual({
      ...{ loudnessLufs: null, truePeakDbtp: null, fingerprint: null, durationMs: 12_000 },
    })
  })

  it('is read from the last summary of ffmpeg, not from tags of the file', () => {
    const loudness = createLoudnessParser()
    const summary = (lufs: string) =>
      `[ebur128 @ 0x1] Summary:\n\n    I:         ${lufs} LUFS\n    Peak:       -1.5 dBFS\n`
    loudness.add(Buffer.from(`comment: ${summary('-1.0')}${'x'.repeat(100_000)}`))
    for (const byte of Buffer.from(summary('-14.2'))) loudness.add(Buffer.of(byte))
    expect(loudness.finish()).toEqual({ loudnessLufs: -14.2, truePeakDbtp: -1.5 })
    expect(createLoudnessParser().finish()).toEqual({ loudnessLufs: null, truePeakDbtp: null })
  })
})

describe('a fingerprint', () => {
  const original = (number: number) => makeFromSource(testTools().ffmpeg, melodySource(number), [], 'flac')
  const fingerprintOf = async (path: string) => (await measureFile(path)).fingerprint ?? new Uint32Array()

  it.each([
    ['mp3', ['-b:a', '96k']],
    ['m4a', ['-b:a', '96k']],
    ['ogg', []],
    ['opus', ['-b:a', '48k']],
    ['mp3', ['-af', 'atrim=start=0.7,volume=-9dB']],
  ])('matches the same recording as %s %j', async (extension, args) => {
    const one = await fingerprintOf(await original(1))
    const again = await fingerprintOf(await convertAudio(testTools().ffmpeg, await original(1), args, extension))
    expect(fingerprintDifference(one, again)).toBeLessThan(0.1)
    expect(fingerprintDifference(again, one)).not.toBeNull()
    const shared = keyWords(one).filter(word => keyWords(again).includes(word))
    expect(shared.length).toBeGreaterThan(10)
  })

  it('does not match another piece', async () => {
    expect(
      fingerprintDifference(await fingerprintOf(await original(1)), await fingerprintOf(await original(2))),
    ).toBeNull()
  })

  it('of short or constant audio is null', async () => {
    expect((await measureSource(melodySource(1, 4))).fingerprint).toBeNull()
    expect((await measureSource('sine=d=15')).fingerprint).toBeNull()
  })
})
