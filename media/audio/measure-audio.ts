import { readFile } from 'node:fs/promises'
import { untrustedInputArgs, type AudioFormat, fillGapsFilter } from './formats'
import { fingerprintSeconds, parseFingerprint } from './fingerprint'
import { createLoudnessParser, type Loudness } from './loudness'
import { createPeakCollector } from './peaks'
import { runAudioTool } from './run-audio-tool'

const sampleRate = 8_000
/** Slightly above the limit, so that too long files are detected. */
const decodedSecondsMax = 24 * 60 * 60 + 60
/**
 * Decoding with loudness and fingerprint ran at 170 times real time on one core; the limit allows for a busy machine.
 */
const timeoutMsFor = (durationMs: number | null) => 10 * 60_000 + (durationMs ?? 0) / 20

export interface AudioMeasurements extends Loudness {
  /** One byte per peak, at most `peaksMax`; empty when nothing could be decoded. */
  peaks: Buffer
  /** As decoded: headers may be wrong. */
  durationMs: number
  /** Null when the audio is too short, or ffmpeg has no chromaprint. */
  fingerprint: Uint32Array | null
}

export interface MeasureOptions {
  ffmpeg: string
  path: string
  format: AudioFormat
  /** From the header; used for the timeout only. */
  durationMs: number | null
  /** Temporary path for the fingerprint; null to make none. */
  fingerprintPath: string | null
  signal: AbortSignal
}

/** Decodes the whole file once and measures it, with constant memory for any length. */
export async function measureAudio({
  ffmpeg,
  path,
  format,
  durationMs,
  fingerprintPath,
  signal,
}: MeasureOptions): Promise<AudioMeasurements> {
  const peaks = createPeakCollector()
  const loudness = createLoudnessParser()
  const limits = { timeoutMs: timeoutMsFor(durationMs), signal, onStderr: (chunk: Buffer) => loudness.add(chunk) }
  // Ignore ffmpeg's exit status: the decoded samples are what listeners will hear.
  await runAudioTool(ffmpeg, measureArgs({ path, format, fingerprintPath }), limits, chunk => peaks.add(chunk))
  return {
    peaks: peaks.finish(),
    durationMs: Math.round((peaks.sampleCount() / sampleRate) * 1000),
    ...loudness.finish(),
    fingerprint:
      fingerprintPath === null ? null : parseFingerprint(await readFile(fingerprintPath).catch(() => Buffer.alloc(0))),
  }
}

/**
 * ffmpeg arguments: samples for the peaks on stdout, the loudness summary on stderr, the fingerprint in a file. All
 * measure at most the two channels that listeners get; mono is measured as played on two speakers.
 */
export function measureArgs({
  path,
  format,
  fingerprintPath,
}: Pick<MeasureOptions, 'path' | 'format' | 'fingerprintPath'>): string[] {
  const outputs = fingerprintPath === null ? ['peaks', 'loud'] : ['peaks', 'loud', 'print']
  const graph = [
    `[0:a:0]${fillGapsFilter},atrim=end=${decodedSecondsMax},aformat=channel_layouts=stereo|mono,asplit=${outputs.length}${outputs.map(name => `[${name}]`).join('')}`,
    // Not loudnorm: its first pass takes eight times as long.
    '[loud]ebur128=peak=true:dualmono=true:framelog=verbose,anullsink',
    ...(fingerprintPath === null ? [] : [`[print]atrim=end=${fingerprintSeconds},aresample=11025[short]`]),
  ]
  const print = ['-map', '[short]', '-ac', '1', '-f', 'chromaprint', '-fp_format', 'raw', '-y']
  return [
    ...['-hide_banner', '-nostats', '-v', 'info', '-nostdin', '-threads', '1'],
    ...untrustedInputArgs(path, format.demuxer),
    ...['-filter_complex', graph.join(';')],
    ...['-map', '[peaks]', '-ac', '1', '-ar', String(sampleRate), '-f', 's16le', 'pipe:1'],
    ...(fingerprintPath === null ? [] : [...print, `file:${fingerprintPath}`]),
  ]
}
