import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { makeFromSource } from '../../make-audio'
import { testTools } from '../../audio-analysis'
import { id3 } from './hostile-files'
import { validateAudio, validateAudioFiles } from './validate-audio'

/** Files that are detectably truncated are rejected; complete files of any writer are accepted. */

interface Recipe {
  extension: string
  args?: readonly string[]
  /** Written into a pipe, so that the header has no final length. */
  isStreamed?: boolean
  /** The end of a frame or page, after the middle. */
  edge: (whole: Buffer, path: string) => number | Promise<number>
  /** Cut points that cannot be detected, or are within the tolerance for wrong headers. */
  accepted?: readonly CutPoint[]
}

type CutPoint = '1 %' | '50 %' | '99 %' | 'the last byte' | 'an edge'

const nextOffsetOf =
  (name: string, before = 0) =>
  (whole: Buffer) =>
    whole.indexOf(name, whole.length / 2, 'latin1') - before
const sampleOffset = (whole: Buffer) => 44 + 4 * Math.floor(whole.length / 8)
const fragmented = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '500000']

async function nextPacketOffset(whole: Buffer, path: string): Promise<number> {
  const { ffprobe } = testTools()
  const probeArgs = ['-v', 'error', '-show_entries', 'packet=pos', '-of', 'csv=p=0', path]
  const { stdout } = await promisify(execFile)(ffprobe, probeArgs)
  return Number(stdout.split(/,?\n/).find(pos => Number(pos) >= whole.length / 2))
}

const recipes: Record<string, Recipe> = {
  'MP3 that says how long it is': { extension: 'mp3', args: ['-q:a', '4'], edge: nextPacketOffset },
  'MP3 that does not say': {
    extension: 'mp3',
    args: ['-write_xing', '0'],
    edge: nextPacketOffset,
    accepted: ['an edge'],
  },
  'MP3 of a low rate': { extension: 'mp3', args: ['-ar', '16000', '-ac', '1', '-b:a', '32k'], edge: nextPacketOffset },
  AAC: { extension: 'aac', args: ['-f', 'adts'], edge: nextPacketOffset, accepted: ['an edge'] },
  'Ogg Vorbis': { extension: 'ogg', args: ['-c:a', 'libvorbis'], edge: nextOffsetOf('OggS') },
  'Ogg Opus': { extension: 'opus', args: ['-c:a', 'libopus', '-page_duration', '200000'], edge: nextOffsetOf('OggS') },
  'Ogg FLAC': { extension: 'oga', args: ['-c:a', 'flac'], edge: nextOffsetOf('OggS') },
  FLAC: { extension: 'flac', edge: nextPacketOffset },
  'FLAC of many channels': { extension: 'flac', args: ['-ar', '96000', '-ac', '6'], edge: nextPacketOffset },
  'FLAC from a pipe': { extension: 'flac', isStreamed: true, edge: nextPacketOffset, accepted: ['an edge'] },
  WAV: { extension: 'wav', edge: sampleOffset, accepted: ['the last byte'] },
  'WAV of floats': { extension: 'wav', args: ['-c:a', 'pcm_f32le'], edge: sampleOffset, accepted: ['the last byte'] },
  'WAV from a pipe': {
    ...{ extension: 'wav', isStreamed: true, edge: sampleOffset },
    accepted: ['50 %', '99 %', 'the last byte', 'an edge'],
  },
  AIFF: { extension: 'aiff', edge: sampleOffset, accepted: ['the last byte'] },
  M4A: { extension: 'm4a', edge: nextPacketOffset },
  'M4A with its index in front': { extension: 'm4a', args: ['-movflags', 'faststart'], edge: nextPacketOffset },
  'M4A of Apple Lossless': { extension: 'm4a', args: ['-c:a', 'alac'], edge: nextPacketOffset },
  // After the last fragment comes an optional index.
  'M4A in fragments': {
    ...{ extension: 'm4a', args: fragmented, edge: nextOffsetOf('moof', 4) },
    accepted: ['the last byte', 'an edge'],
  },
}

const source = 'aevalsrc=0.5*sin(440*2*PI*t)*abs(sin(2*PI*t))+0.05*random(0)|0.3*sin(330*2*PI*t):d=4:s=44100'

async function makeFile({ extension, args = [], isStreamed = false }: Omit<Recipe, 'edge'>) {
  const { ffmpeg } = testTools()
  if (!isStreamed) {
    const path = await makeFromSource(ffmpeg, source, args, extension)
    return { path, whole: await readFile(path) }
  }
  const piped = ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, ...args, '-f', extension, 'pipe:1']
  const { stdout } = await promisify(execFile)(ffmpeg, piped, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 })
  // Packet offsets are read from the same audio in a regular file.
  return { path: await makeFromSource(ffmpeg, source, args, extension), whole: stdout }
}

describe.each(Object.entries(recipes))('%s', (_name, recipe) => {
  const { accepted = [] } = recipe

  it('is accepted when complete, and rejected when truncated', async () => {
    const { path, whole } = await makeFile(recipe)
    const cuts: Record<CutPoint, number> = {
      ...{ '1 %': whole.length / 100, '50 %': whole.length / 2 + 1, '99 %': whole.length * 0.99 },
      ...{ 'the last byte': whole.length - 1, 'an edge': await recipe.edge(whole, path) },
    }
    const cutPoints = Object.keys(cuts) as CutPoint[]
    const files = [whole, ...cutPoints.map(cutPoint => whole.subarray(0, cuts[cutPoint]))]
    const [ofWhole, ...ofCuts] = await validateAudioFiles(testTools(), files)
    const found = Object.fromEntries(cutPoints.map((cutPoint, index) => [cutPoint, ofCuts[index]]))
    const expected = cutPoints.map(cutPoint => [cutPoint, accepted.includes(cutPoint) ? 'taken' : 'damaged'])
    // At 1 % the format may not be recognised.
    const [start] = ofCuts
    expect(start).not.toBe('taken')
    expect({ whole: ofWhole, ...found }).toEqual({
      ...{ whole: 'taken', ...Object.fromEntries(expected) },
      ...{ '1 %': start },
    })
  })
})

it('a file that ends within its leading tag is rejected', async () => {
  const { whole } = await makeFile({ extension: 'mp3' })
  const tagged = Buffer.concat([id3(['APIC', Buffer.alloc(100_000)]), whole])
  expect(await validateAudio(testTools(), tagged)).toBe('taken')
  expect(await validateAudio(testTools(), tagged.subarray(0, 50_000))).toBe('damaged')
})

it('truncation is also detected by the VBRI header', async () => {
  const { whole } = await makeFile({
    extension: 'mp3',
    args: ['-write_xing', '0', '-b:a', '128k', '-id3v2_version', '0'],
  })
  for (const [frames, found] of [
    [150, 'taken'],
    [190, 'taken'],
    [250, 'damaged'],
  ] as const) {
    const head = Buffer.from(whole)
    head.write('VBRI', 36, 'latin1')
    head.writeUInt32BE(frames, 50)
    expect([frames, await validateAudio(testTools(), head)]).toEqual([frames, found])
  }
})

describe('a wrong header', () => {
  it('in a WAV, as interrupted recorders write it, is ignored', async () => {
    const { whole } = await makeFile({ extension: 'wav' })
    const data = whole.indexOf('data', 12, 'latin1') + 4
    const sounds = whole.length - data - 4
    const claims = [0, 0xffff_ffff, 0xffff_ffdb, 0x7fff_ffff, 0x7fff_f000, 0x8000_0000, sounds + 44, sounds - 100]
    for (const claim of claims) {
      const other = Buffer.from(whole)
      other.writeUInt32LE(claim, data)
      expect([claim, await validateAudio(testTools(), other)]).toEqual([claim, 'taken'])
    }
    const other = Buffer.from(whole)
    other.writeUInt32LE(sounds + 4_000, data)
    expect(await validateAudio(testTools(), other)).toBe('damaged')
  })

  it('in an MP3 is accepted when little is missing, and rejected for a fragment', async () => {
    const { whole } = await makeFile({ extension: 'mp3', args: ['-b:a', '128k'] })
    const frames = whole.indexOf('Info', 0, 'latin1') + 8
    for (const [more, found] of [
      [20, 'taken'],
      [80, 'damaged'],
    ] as const) {
      const other = Buffer.from(whole)
      other.writeUInt32BE(whole.readUInt32BE(frames) + more, frames)
      expect(await validateAudio(testTools(), other)).toBe(found)
    }
  })

  it('in a chained Ogg is ignored, except in the last stream', async () => {
    const { whole } = await makeFile({ extension: 'ogg', args: ['-c:a', 'libvorbis'] })
    const cut = whole.subarray(0, whole.lastIndexOf('OggS', undefined, 'latin1'))
    const { whole: other } = await makeFile({ extension: 'opus' })
    expect(await validateAudio(testTools(), cut)).toBe('damaged')
    expect(await validateAudio(testTools(), Buffer.concat([other, cut]))).toBe('damaged')
    expect(await validateAudio(testTools(), Buffer.concat([cut, whole]))).toBe('taken')
  })
})
