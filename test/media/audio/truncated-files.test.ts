import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { makeFromSource } from '../../make-audio'
import { testTools } from '../../audio-analysis'
import { id3 } from './hostile-files'
import { validateAudio, validateAudioFiles } from './validate-audio'

/** What can be known to be cut off is refused; what is whole is taken, whoever wrote it. */

interface Recipe {
  extension: string
  args?: readonly string[]
  /** Written into a pipe: nobody could come back to say how long it became. */
  isStreamed?: boolean
  /** Where a piece of it ends, not before the middle. */
  edge: (whole: Buffer, path: string) => number | Promise<number>
  /** Where nothing in it tells, or no more is missing than writers count wrongly. */
  taken?: readonly Place[]
}

type Place = '1 %' | '50 %' | '99 %' | 'the last byte' | 'an edge'

const after =
  (name: string, before = 0) =>
  (whole: Buffer) =>
    whole.indexOf(name, whole.length / 2, 'latin1') - before
const sample = (whole: Buffer) => 44 + 4 * Math.floor(whole.length / 8)
const fragmented = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '500000']

async function packet(whole: Buffer, path: string): Promise<number> {
  const { ffprobe } = testTools()
  const asked = ['-v', 'error', '-show_entries', 'packet=pos', '-of', 'csv=p=0', path]
  const { stdout } = await promisify(execFile)(ffprobe, asked)
  return Number(stdout.split(/,?\n/).find(pos => Number(pos) >= whole.length / 2))
}

const recipes: Record<string, Recipe> = {
  'MP3 that says how long it is': { extension: 'mp3', args: ['-q:a', '4'], edge: packet },
  'MP3 that does not say': { extension: 'mp3', args: ['-write_xing', '0'], edge: packet, taken: ['an edge'] },
  'MP3 of a low rate': { extension: 'mp3', args: ['-ar', '16000', '-ac', '1', '-b:a', '32k'], edge: packet },
  AAC: { extension: 'aac', args: ['-f', 'adts'], edge: packet, taken: ['an edge'] },
  'Ogg Vorbis': { extension: 'ogg', args: ['-c:a', 'libvorbis'], edge: after('OggS') },
  'Ogg Opus': { extension: 'opus', args: ['-c:a', 'libopus', '-page_duration', '200000'], edge: after('OggS') },
  'Ogg FLAC': { extension: 'oga', args: ['-c:a', 'flac'], edge: after('OggS') },
  FLAC: { extension: 'flac', edge: packet },
  'FLAC of many channels': { extension: 'flac', args: ['-ar', '96000', '-ac', '6'], edge: packet },
  'FLAC from a pipe': { extension: 'flac', isStreamed: true, edge: packet, taken: ['an edge'] },
  WAV: { extension: 'wav', edge: sample, taken: ['the last byte'] },
  'WAV of floats': { extension: 'wav', args: ['-c:a', 'pcm_f32le'], edge: sample, taken: ['the last byte'] },
  'WAV from a pipe': {
    ...{ extension: 'wav', isStreamed: true, edge: sample },
    taken: ['50 %', '99 %', 'the last byte', 'an edge'],
  },
  AIFF: { extension: 'aiff', edge: sample, taken: ['the last byte'] },
  M4A: { extension: 'm4a', edge: packet },
  'M4A with its index in front': { extension: 'm4a', args: ['-movflags', 'faststart'], edge: packet },
  'M4A of Apple Lossless': { extension: 'm4a', args: ['-c:a', 'alac'], edge: packet },
  // Behind its last fragment is an index of them that players do without.
  'M4A in fragments': {
    ...{ extension: 'm4a', args: fragmented, edge: after('moof', 4) },
    taken: ['the last byte', 'an edge'],
  },
}

const source = 'aevalsrc=0.5*sin(440*2*PI*t)*abs(sin(2*PI*t))+0.05*random(0)|0.3*sin(330*2*PI*t):d=4:s=44100'

async function made({ extension, args = [], isStreamed = false }: Omit<Recipe, 'edge'>) {
  const { ffmpeg } = testTools()
  if (!isStreamed) {
    const path = await makeFromSource(ffmpeg, source, args, extension)
    return { path, whole: await readFile(path) }
  }
  const piped = ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, ...args, '-f', extension, 'pipe:1']
  const { stdout } = await promisify(execFile)(ffmpeg, piped, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 })
  // What its pieces are can be asked of the same sound in a file.
  return { path: await makeFromSource(ffmpeg, source, args, extension), whole: stdout }
}

describe.each(Object.entries(recipes))('%s', (_name, recipe) => {
  const { taken = [] } = recipe

  it('is taken whole, and refused where it was cut', async () => {
    const { path, whole } = await made(recipe)
    const cuts: Record<Place, number> = {
      ...{ '1 %': whole.length / 100, '50 %': whole.length / 2 + 1, '99 %': whole.length * 0.99 },
      ...{ 'the last byte': whole.length - 1, 'an edge': await recipe.edge(whole, path) },
    }
    const places = Object.keys(cuts) as Place[]
    const files = [whole, ...places.map(place => whole.subarray(0, cuts[place]))]
    const [ofWhole, ...ofCuts] = await validateAudioFiles(testTools(), files)
    const found = Object.fromEntries(places.map((place, index) => [place, ofCuts[index]]))
    const expected = places.map(place => [place, taken.includes(place) ? 'taken' : 'damaged'])
    // Too little is left to say what it was.
    const [start] = ofCuts
    expect(start).not.toBe('taken')
    expect({ whole: ofWhole, ...found }).toEqual({
      ...{ whole: 'taken', ...Object.fromEntries(expected) },
      ...{ '1 %': start },
    })
  })
})

it('is known of a file that ends within the tag in front of its music', async () => {
  const { whole } = await made({ extension: 'mp3' })
  const tagged = Buffer.concat([id3(['APIC', Buffer.alloc(100_000)]), whole])
  expect(await validateAudio(testTools(), tagged)).toBe('taken')
  expect(await validateAudio(testTools(), tagged.subarray(0, 50_000))).toBe('damaged')
})

it('is known by the header of Fraunhofer too', async () => {
  const { whole } = await made({ extension: 'mp3', args: ['-write_xing', '0', '-b:a', '128k', '-id3v2_version', '0'] })
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

describe('a header that is wrong', () => {
  it('in a WAV, as recorders write that are switched off or count themselves, is not believed', async () => {
    const { whole } = await made({ extension: 'wav' })
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

  it('in an MP3, left by an editor that took a little away, is taken; of what is a fragment of it it is not', async () => {
    const { whole } = await made({ extension: 'mp3', args: ['-b:a', '128k'] })
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

  it('in an Ogg that follows a live one does not count; that of the last one does', async () => {
    const { whole } = await made({ extension: 'ogg', args: ['-c:a', 'libvorbis'] })
    const cut = whole.subarray(0, whole.lastIndexOf('OggS', undefined, 'latin1'))
    const { whole: other } = await made({ extension: 'opus' })
    expect(await validateAudio(testTools(), cut)).toBe('damaged')
    expect(await validateAudio(testTools(), Buffer.concat([other, cut]))).toBe('damaged')
    expect(await validateAudio(testTools(), Buffer.concat([cut, whole]))).toBe('taken')
  })
})
