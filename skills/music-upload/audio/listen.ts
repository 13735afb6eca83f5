import { readFile } from 'node:fs/promises'
import { cautiousInput, type Format, withoutGaps } from './formats'
import { fingerprintSeconds, readFingerprint } from './fingerprint'
import { createLoudness, type Loudness } from './loudness'
import { createPeaks } from './peaks'
import { runTool } from './run-tool'

const sampleRate = 8_000
/** A little more than may be, so that what is too long shows. */
const decodedSecondsMax = 24 * 60 * 60 + 60
/** Decoding, loudness and fingerprint ran 170 times as fast as the sound on one core; this bears a busy machine. */
const patienceMs = (durationMs: number | null) => 10 * 60_000 + (durationMs ?? 0) / 20

export interface Heard extends Loudness {
  /** One byte a peak, at most `peaksMax`; none when nothing could be decoded. */
  peaks: Buffer
  /** As decoded: headers may lie. */
  durationMs: number
  /** None where it is too short for one, or where ffmpeg was built without. */
  fingerprint: Uint32Array | null
}

export interface Listening {
  ffmpeg: string
  path: string
  format: Format
  /** What the header says; only patience depends on it. */
  durationMs: number | null
  /** Where the fingerprint may be written for a moment; null when there shall be none. */
  scratch: string | null
  signal: AbortSignal
}

/** Listens to the whole file once, decoding it once, with constant memory, however long it is. */
export async function listen({ ffmpeg, path, format, durationMs, scratch, signal }: Listening): Promise<Heard> {
  const peaks = createPeaks()
  const loudness = createLoudness()
  const limits = { timeoutMs: patienceMs(durationMs), signal, hear: (chunk: Buffer) => loudness.hear(chunk) }
  // What ffmpeg thinks of the end does not matter: what came out of it is what listeners will hear.
  await runTool(ffmpeg, listeningArgs({ path, format, scratch }), limits, chunk => peaks.add(chunk))
  return {
    peaks: peaks.finish(),
    durationMs: Math.round((peaks.sampleCount() / sampleRate) * 1000),
    ...loudness.finish(),
    fingerprint: scratch === null ? null : readFingerprint(await readFile(scratch).catch(() => Buffer.alloc(0))),
  }
}

/**
 * Samples for the peaks on its output, the loudness among its last words, the fingerprint in a file. All of them hear the
 * two channels at most that listeners get; one channel comes from two speakers, and is measured as that.
 */
export function listeningArgs({ path, format, scratch }: Pick<Listening, 'path' | 'format' | 'scratch'>): string[] {
  const wants = scratch === null ? ['peaks', 'loud'] : ['peaks', 'loud', 'print']
  const graph = [
    `[0:a:0]${withoutGaps},atrim=end=${decodedSecondsMax},aformat=channel_layouts=stereo|mono,asplit=${wants.length}${wants.map(name => `[${name}]`).join('')}`,
    // Not loudnorm, whose first pass takes eight times as long.
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
