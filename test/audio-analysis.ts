import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { readConfig } from '../kernel/platform/config'
import { testStack } from './stack'

export const testTools = () => readConfig(testStack().variables).tools

/** Decodes a file or playlist to mono samples as a player does: from time 0, without the encoder's priming. */
export async function decodeSamples(path: string, sampleRate: number): Promise<Int16Array> {
  const input = ['-copyts', '-i', path, '-af', 'aresample=async=1:first_pts=0', '-ac', '1', '-ar', String(sampleRate)]
  const { stdout, stderr } = await promisify(execFile)(
    testTools().ffmpeg,
    ['-v', 'error', '-nostdin', ...input, '-f', 's16le', 'pipe:1'],
    { encoding: 'buffer', maxBuffer: 200 * 1024 * 1024 },
  )
  if (stderr.length > 0) throw new Error(`ffmpeg reported errors for ${path}: ${stderr.toString()}`)
  return new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length / 2)
}

export interface ProbeResult {
  streams: Record<string, unknown>[]
  format: Record<string, unknown>
}

export async function probe(path: string): Promise<ProbeResult> {
  const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', path]
  const { stdout } = await promisify(execFile)(testTools().ffprobe, args)
  return JSON.parse(stdout) as ProbeResult
}

/** The lag of `late` behind `early` in samples, by cross-correlation of a window at `at`. */
export function measureLag(
  early: Int16Array,
  late: Int16Array,
  at: number,
  { window = 6_000, lagMax = 1_500 } = {},
): number {
  let best = { lag: NaN, correlation: -Infinity }
  for (let lag = -lagMax; lag <= lagMax; lag += 1) {
    let correlation = 0
    for (let index = at; index < at + window; index += 1) correlation += (early[index] ?? 0) * (late[index + lag] ?? 0)
    if (correlation > best.correlation) best = { lag, correlation }
  }
  return best.lag
}

/** An ffmpeg source of notes in an order that depends only on `number`. */
export function melodySource(number: number, seconds = 15): string {
  const note = (every: number, low: number) =>
    `sin(2*PI*${low}*t*pow(2\\,floor(12*mod(abs(sin(floor(t*${every})*${12.9898 + number * 7.13})*43758.5453)\\,1))/12))`
  return `aevalsrc=0.25*${note(3, 220)}+0.2*${note(5, 440)}+0.15*${note(2, 110)}:d=${seconds}:s=22050`
}
