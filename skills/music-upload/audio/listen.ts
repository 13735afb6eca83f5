import { readFile } from 'node:fs/promises'
import { cautiousInput, type Format, withoutGaps } from './formats'
import { fingerprintSeconds, readFingerprint } from './fingerprint'
import { createLoudness, type Loudness } from './loudness'
import { createPeaks } from './peaks'
import { runTool } from './run-tool'

const sampleRate = 8_000
/** Slightly above the limit, so that too long files are detected. */
const decodedSecondsMax = 24 * 60 * 60 + 60
/**
 * Decoding with loudness and fingerprint ran at 170 times real time on one core; the limit allows for a busy machine.
 */
const timeoutMsFor = (durationMs: number | null) => 10 * 60_000 + (durationMs ?? 0) / 20

export interface Heard extends Loudness {
  /** One byte per peak, at most `peaksMax`; empty when nothing could be decoded. */
  peaks: Buffer
  /** As decoded: headers may be wrong. */
  durationMs: number
  /** Null when the audio is too short, or ffmpeg has no chromaprint. */
  fingerprint: Uint32Array | null
}

export interface Listening {
  ffmpeg: string
  path: string
  format: Format
  /** From the header; used for the timeout only. */
  durationMs: number | null
  /** Temporary path for the fingerprint; null to make none. */
  scratch: string | null
  signal: AbortSignal
}

/** Decodes the whole file once and measures it, with constant memory for any length. */
export async function listen({ ffmpeg, path, format, durationMs, scratch, signal }: Listening): Promise<Heard> {
  const peaks = createPeaks()
  const loudness = createLoudness()
  const limits = { timeoutMs: timeoutMsFor(durationMs), signal, hear: (chunk: Buffer) => loudness.hear(chunk) }
  // Ignore ffmpeg's exit status: the decoded samples are what listeners will hear.
  await runTool(ffmpeg, listeningArgs({ path, format, scratch }), limits, chunk => peaks.add(chunk))
  return {
    peaks: peaks.finish(),
    durationMs: Math.round((peaks.sampleCount() / sampleRate) * 1000),
    ...loudness.finish(),
    fingerprint: scratch === null ? null : readFingerprint(await readFile(scratch).catch(() => Buffer.alloc(0))),
  }
}

/**
 * ffmpeg arguments: samples for the peaks on stdout, the loudness summary on stderr, the fingerprint in a file. All
 * measure at most the two channels that listeners get; mono is measured as played on two speakers.
 */
export function listeningArgs({ path, format, scratch }: Pick<Listening, 'path' | 'format' | 'scratch'>): string[] {
  const outputs = scratch === null ? ['peaks', 'loud'] : ['peaks', 'loud', 'print']
  const graph = [
    `[0:a:0]${withoutGaps},atrim=end=${decodedSecondsMax},aformat=channel_layouts=stereo|mono,asplit=${outputs.length}${outputs.map(name => `[${name}]`).join('')}`,
    // Not loudnorm: its first pass takes eight times as long.
    '[loud]ebur128=peak=true:dualmono=true:framelog=verbose,anullsink',
    ...(scratch === null ? [] : [`[print]atrim=end=${fingerprintSeconds},aresample=11025[short]`]),
  ]
  const print = ['-map', '[short]', '-ac', '1', '-f', 'chromaprint', '-fp_format', 'raw', '-y']
  return [
    ...['-hide_banner', '-nostats', '-v', 'info', '-nostdin', '-threads', '1'],
    ...cautiousInput(path, format.demuxer),
    ...['-filter_complex', graph.join(';')],
    ...['-map', '[peaks]', '-ac', '1', '-ar', String(sampleRate), '-f', 's16le', 'pipe:1'],
    ...(scratch === null ? [] : [...print, `file:${scratch}`]),
  ]
}
