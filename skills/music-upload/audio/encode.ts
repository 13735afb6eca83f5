import { join } from 'node:path'
import { previewSeconds } from '../rules'
import { cautiousInput, type Format, withoutGaps } from './formats'
import { bestOf, previewKbps, type Quality, type StreamShape } from './ladder'
import { runTool } from './run-tool'

/** Two AAC frames more than six seconds at most: what Apple recommends for a segment. */
const segmentSeconds = 6
/** Three qualities were made 20 times as fast as the sound on one core; this bears a busy machine. */
const patienceMs = (durationMs: number) => 10 * 60_000 + durationMs / 8

export interface Encoding {
  ffmpeg: string
  path: string
  format: Format
  shape: StreamShape
  qualities: readonly Quality[]
  /** As decoded. */
  durationMs: number
  /** Where the files go: one `<name>.mp4` for each quality, and `preview.m4a`. */
  folder: string
  signal: AbortSignal
}

/** Encodes a sound in all its qualities, and its preview, decoding it once. `reached` hears which share is done. */
export async function encode(encoding: Encoding, reached: (share: number) => void): Promise<void> {
  const { ffmpeg, durationMs, signal } = encoding
  const whenLate = () => new Error('encoding took too long')
  let said = ''
  // Whether all of it is there, its files tell.
  await runTool(ffmpeg, encodingArgs(encoding), { timeoutMs: patienceMs(durationMs), signal, whenLate }, chunk => {
    said = (said + chunk.toString('latin1')).slice(-1_000)
    const [, microseconds] = /.*out_time_us=(\d+)/s.exec(said) ?? []
    if (microseconds !== undefined) reached(Math.min(1, Number(microseconds) / 1000 / durationMs))
  })
}

export function encodingArgs({
  path,
  format,
  shape,
  qualities,
  durationMs,
  folder,
}: Omit<Encoding, 'ffmpeg' | 'signal'>) {
  const layout = shape.channels === 1 ? 'mono' : 'stereo'
  const pads = [...qualities.map(({ name }) => `[${name}]`), '[whole]'].join('')
  const common = `sample_fmts=fltp:sample_rates=${shape.sampleRate}:channel_layouts=${layout}`
  const graph = [
    `[0:a:0]${withoutGaps},aformat=${common},asplit=${qualities.length + 1}${pads}`,
    `[whole]${previewFilter(durationMs)}[preview]`,
    ...qualities.filter(({ codec }) => codec === 'opus').map(({ name }) => `[${name}]aresample=48000[at48k]`),
  ]
  return [
    ...['-v', 'error', '-nostdin', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5', '-threads', '1'],
    ...cautiousInput(path, format.demuxer),
    ...['-filter_complex', graph.join(';')],
    ...qualities.flatMap(({ name, codec, kbps }) => [
      ...['-map', codec === 'opus' ? '[at48k]' : `[${name}]`, ...nothingPersonal],
      ...['-c:a', codec === 'opus' ? 'libopus' : 'aac', '-b:a', `${kbps}k`, '-fs', bytesMax(kbps, durationMs)],
      // Neither ffmpeg's HLS muxer, which loses the edit list that hides the encoder's priming, nor an index per fragment:
      // the one in front tells players that fetch the file as a whole how long it is, and us where each segment lies.
      ...['-f', 'mp4', '-movflags', 'dash+delay_moov+global_sidx+skip_trailer'],
      ...['-frag_duration', String(segmentSeconds * 1_000_000), '-y', `file:${join(folder, `${name}.mp4`)}`],
    ]),
    ...['-map', '[preview]', ...nothingPersonal, '-c:a', 'aac', '-b:a', `${bestOf(previewKbps, shape)}k`],
    ...['-f', 'ipod', '-movflags', 'faststart', '-y', `file:${join(folder, 'preview.m4a')}`],
  ]
}

/** Tags may hold names, places and comments. Pictures are left out by mapping the sound alone. */
const nothingPersonal = ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact']

/** Twice what was asked for: an encoder that goes mad fills no disk. */
const bytesMax = (kbps: number, durationMs: number) => String(Math.ceil((2 * kbps * durationMs) / 8) + 1024 * 1024)

/** From a third on, where most music has begun; softened where it cuts. */
function previewFilter(durationMs: number): string {
  const seconds = durationMs / 1000
  const from = Math.max(0, Math.min(seconds / 3, seconds - previewSeconds))
  const length = Math.min(seconds - from, previewSeconds)
  const [fadeIn, fadeOut] = [0.3, 1]
  const filters = [
    `atrim=start=${from.toFixed(3)}:end=${(from + length).toFixed(3)}`,
    'asetpts=PTS-STARTPTS',
    ...(from > 0 ? [`afade=t=in:d=${fadeIn}`] : []),
    ...(from + length < seconds ? [`afade=t=out:st=${(length - fadeOut).toFixed(3)}:d=${fadeOut}`] : []),
  ]
  return filters.join(',')
}
