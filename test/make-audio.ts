import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, rename, stat } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import { promisify } from 'node:util'
import { testStack } from './stack'

export type AudioKind = keyof typeof recipes

export interface AudioOptions {
  /** Default 3. */
  seconds?: number
  /** An ffmpeg source; default a pulsing beep. */
  source?: string
  tags?: Record<string, string>
}

/** The ffmpeg arguments for each format. */
const recipes = {
  mp3: ['-c:a', 'libmp3lame', '-b:a', '96k'],
  aac: ['-c:a', 'aac', '-f', 'adts'],
  m4a: ['-c:a', 'aac'],
  flac: ['-c:a', 'flac'],
  ogg: ['-c:a', 'libvorbis'],
  opus: ['-c:a', 'libopus'],
  wav: ['-c:a', 'pcm_s16le'],
  aiff: ['-c:a', 'pcm_s16be'],
}

/** Creates an audio file, once per test run, and returns its path. */
export async function makeAudio(ffmpeg: string, kind: AudioKind, options: AudioOptions = {}): Promise<string> {
  const { seconds = 3, source = 'aevalsrc=0.8*sin(440*2*PI*t)*abs(sin(2*PI*t))', tags = {} } = options
  const metadata = Object.entries(tags).flatMap(([name, value]) => ['-metadata', `${name}=${value}`])
  const input = ['-f', 'lavfi', '-i', `${source}:d=${seconds}`]
  return make(ffmpeg, [...input, ...metadata, ...recipes[kind]], kind)
}

/** Converts the first seconds of a file to another format and returns the new path. */
export const convertBeginning = (
  ffmpeg: string,
  path: string,
  kind: AudioKind,
  { seconds }: { seconds: number },
): Promise<string> => make(ffmpeg, ['-t', String(seconds), '-i', path, '-map', '0:a', ...recipes[kind]], kind)

/** Creates an MP4 with video, with or without audio, and returns its path. */
export async function makeVideo(ffmpeg: string, { sound }: { sound: boolean }): Promise<string> {
  const pictures = ['-f', 'lavfi', '-i', 'testsrc=d=2:s=64x64:r=5']
  const beep = sound ? ['-f', 'lavfi', '-i', 'sine=d=2', '-c:a', 'aac'] : []
  return make(ffmpeg, [...pictures, ...beep, '-c:v', 'mpeg4'], 'mp4')
}

/** Creates a file from an ffmpeg source with any arguments and returns its path. */
export const makeFromSource = (
  ffmpeg: string,
  source: string,
  args: readonly string[],
  extension: string,
): Promise<string> => make(ffmpeg, ['-f', 'lavfi', '-i', source, ...args], extension)

/** Converts a file with any ffmpeg arguments and returns the new path. */
export const convertAudio = (
  ffmpeg: string,
  path: string,
  args: readonly string[],
  extension: string,
): Promise<string> => make(ffmpeg, ['-i', path, ...args], extension)

/** Copies the first seconds of a file without re-encoding and returns the new path. */
export const copyBeginning = (ffmpeg: string, path: string, seconds: number): Promise<string> =>
  convertAudio(ffmpeg, path, ['-t', String(seconds), '-c', 'copy'], path.slice(path.lastIndexOf('.') + 1))

/**
 * Makes the file unless an earlier run has: it is kept by its arguments and the version of ffmpeg. A source that a test
 * wrote itself is of this run only, and so is what is made of it.
 */
async function make(ffmpeg: string, args: readonly string[], extension: string): Promise<string> {
  const isOfRun = args.some(arg => isAbsolute(arg) && !arg.startsWith(kept + sep))
  const folder = isOfRun ? join(testStack().folder, 'audio') : kept
  const { size, mtimeMs } = await stat(ffmpeg)
  const key = [...args, size, mtimeMs].join('\0').replaceAll(kept, '')
  const path = join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.${extension}`)
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) return path
  await mkdir(folder, { recursive: true })
  // Two test files may create it at once: each writes a temporary file and renames it.
  const temporary = join(folder, `${randomUUID()}.${extension}`)
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args, '-y', temporary])
  await rename(temporary, path)
  return path
}

const kept = join(__dirname, '..', 'node_modules', '.cache', 'tutti-tests', 'audio')
