import { join } from 'node:path'
import { untrustedInputArgs, type AudioFormat, fillGapsFilter } from './formats'
import { highestUsefulKbps, previewKbps, type Quality, type StreamShape } from './bitrate-ladder'
import { runAudioTool } from './run-audio-tool'

/** Length of a preview; a shorter track is its own preview. */
export const previewSeconds = 30

/** Segment length that Apple recommends; segments may exceed it by two AAC frames. */
const segmentSeconds = 6
/** Encoding three qualities ran at 20 times real time on one core; the limit allows for a busy machine. */
const timeoutMsFor = (durationMs: number) => 10 * 60_000 + durationMs / 8

export interface EncodeOptions {
  ffmpeg: string
  path: string
  format: AudioFormat
  shape: StreamShape
  qualities: readonly Quality[]
  /** As decoded. */
  durationMs: number
  /** Output folder: one `<name>.mp4` per quality, and `preview.m4a`. */
  folder: string
  signal: AbortSignal
}

/** Decodes a file once and encodes all its qualities and its preview. `onProgress` gets the share that is done, 0 to 1. */
export async function encodeAudio(encoding: EncodeOptions, onProgress: (share: number) => void): Promise<void> {
  const { ffmpeg, durationMs, signal } = encoding
  const timeoutError = () => new Error('encoding took too long')
  let output = ''
  // The caller checks the files for completeness.
  await runAudioTool(
    ffmpeg,
    encodeArgs(encoding),
    { timeoutMs: timeoutMsFor(durationMs), signal, timeoutError },
    chunk => {
      output = (output + chunk.toString('latin1')).slice(-1_000)
      const [, microseconds] = /.*out_time_us=(\d+)/s.exec(output) ?? []
      if (microseconds !== undefined) onProgress(Math.min(1, Number(microseconds) / 1000 / durationMs))
    },
  )
}

export function encodeArgs({
  path,
  format,
  shape,
  qualities,
  durationMs,
  folder,
}: Omit<EncodeOptions, 'ffmpeg' | 'signal'>) {
  const layout = shape.channels === 1 ? 'mono' : 'stereo'
  const pads = [...qualities.map(({ name }) => `[${name}]`), '[whole]'].join('')
  const common = `sample_fmts=fltp:sample_rates=${shape.sampleRate}:channel_layouts=${layout}`
  const graph = [
    `[0:a:0]${fillGapsFilter},aformat=${common},asplit=${qualities.length + 1}${pads}`,
    `[whole]${previewFilter(durationMs)}[preview]`,
    ...qualities.filter(({ codec }) => codec === 'opus').map(({ name }) => `[${name}]aresample=48000[at48k]`),
  ]
  return [
    ...['-v', 'error', '-nostdin', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5', '-threads', '1'],
    ...untrustedInputArgs(path, format.demuxer),
    ...['-filter_complex', graph.join(';')],
    ...qualities.flatMap(({ name, codec, kbps }) => [
      ...['-map', codec === 'opus' ? '[at48k]' : `[${name}]`, ...withoutMetadata],
      ...['-c:a', codec === 'opus' ? 'libopus' : 'aac', '-b:a', `${kbps}k`, '-fs', bytesMax(kbps, durationMs)],
      // Not ffmpeg's HLS muxer, which loses the edit list that hides the encoder's priming, and no index per
      // fragment: the index in front gives players that download the whole file its duration, and gives us the offset
      // of each segment.
      ...['-f', 'mp4', '-movflags', 'dash+delay_moov+global_sidx+skip_trailer'],
      ...['-frag_duration', String(segmentSeconds * 1_000_000), '-y', `file:${join(folder, `${name}.mp4`)}`],
    ]),
    ...['-map', '[preview]', ...withoutMetadata, '-c:a', 'aac', '-b:a', `${highestUsefulKbps(previewKbps, shape)}k`],
    ...['-f', 'ipod', '-movflags', 'faststart', '-y', `file:${join(folder, 'preview.m4a')}`],
  ]
}

/** Drop tags, which may hold names, places and comments. Pictures are dropped by mapping the audio stream alone. */
const withoutMetadata = ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact']

/** Twice the expected size, so that a runaway encoder cannot fill the disk. */
const bytesMax = (kbps: number, durationMs: number) => String(Math.ceil((2 * kbps * durationMs) / 8) + 1024 * 1024)

/** Starts at a third of the track, where most music has begun; fades where it cuts. */
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
