import { cautiousInput, type Format } from './formats'
import { createPeaks } from './peaks'
import { runTool } from './run-tool'

const sampleRate = 8_000
const decodeTimeoutMs = 10 * 60_000
/** A little more than may be, so that what is too long shows. */
const decodedSecondsMax = 24 * 60 * 60 + 60

export interface Drawing {
  /** One byte a peak, at most `peaksMax`; none when nothing could be decoded. */
  peaks: Buffer
  /** As decoded: headers may lie. */
  durationMs: number
}

/** Listens to the whole file once, with constant memory, however long it is. */
export async function drawWaveform(
  ffmpeg: string,
  path: string,
  format: Format,
  signal: AbortSignal,
): Promise<Drawing> {
  const peaks = createPeaks()
  const output = ['-map', '0:a:0', '-ac', '1', '-ar', String(sampleRate), '-t', String(decodedSecondsMax)]
  const args = [
    ...['-v', 'quiet', '-nostdin', '-threads', '1'],
    ...cautiousInput(path, format.demuxer),
    ...[...output, '-f', 's16le', 'pipe:1'],
  ]
  // What ffmpeg thinks of the end does not matter: what came out of it is what listeners will hear.
  await runTool(ffmpeg, args, { timeoutMs: decodeTimeoutMs, signal }, chunk => peaks.add(chunk))
  return { peaks: peaks.finish(), durationMs: Math.round((peaks.sampleCount() / sampleRate) * 1000) }
}
