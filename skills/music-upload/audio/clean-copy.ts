import { stat } from 'node:fs/promises'
import { isAsLong } from './as-long'
import { copyFrames } from './copy-frames'
import { cautiousInput } from './formats'
import { adtsFrames, type FrameKind, mp3Frames } from './pieces/frame-kinds'
import { isChained } from './is-chained'
import { type AudioFacts, probeAudio } from './probe-audio'
import { saysOfFile } from './rejection'
import { runTool } from './run-tool'

/** Copying ran at 3,000 times real time, FLAC at 400; the limit allows for a busy machine and a slow disk. */
const timeoutMsFor = (durationMs: number) => 10 * 60_000 + durationMs / 20

export interface Copying {
  ffmpeg: string
  ffprobe: string
  path: string
  facts: Pick<AudioFacts, 'format' | 'codec'>
  /** As decoded. */
  durationMs: number
  /** Output path. */
  to: string
  signal: AbortSignal
}

/**
 * Copies the audio of a file without anything else: the same samples in the same format. Drops all tags, the title
 * included: the artist may change it at any time, and the file name of the download has it.
 * @returns whether a copy was made: some container and codec pairs cannot be remuxed
 * @throws an error that a retry may fix: Rejection `too_slow`, or a failure of the machine
 */
export async function cleanCopy(copying: Copying): Promise<boolean> {
  const { path, to, facts, durationMs, signal } = copying
  const { format, codec } = facts
  const kind = frameKinds[format.demuxer]
  if (kind !== undefined) return isAsLong(await copyFrames(path, to, kind, signal), durationMs)
  const muxer = muxerOf(format.demuxer, codec)
  if (muxer === undefined || (format.demuxer === 'ogg' && (await isChained(path, signal)))) return false
  const bytesMax = 2 * (await stat(path)).size + 1024 * 1024
  const limits = { timeoutMs: timeoutMsFor(durationMs), signal }
  try {
    const args = cleanCopyArgs({ path, facts, muxer, bytesMax, to })
    if (!(await runTool(copying.ffmpeg, args, limits, () => undefined))) return false
    const probed = await probeAudio(copying.ffprobe, to, signal)
    return probed.codec === codec && probed.durationMs !== null && isAsLong(probed.durationMs, durationMs)
  } catch (error) {
    // It crashes ffmpeg or cannot be read again, though it could be streamed.
    if (saysOfFile(error)) return false
    throw error
  }
}

interface CopyArguments extends Pick<Copying, 'path' | 'facts' | 'to'> {
  muxer: readonly string[]
  bytesMax: number
}

/**
 * FLAC frames do not say where they end, so a plain copy would take along data between or behind them: re-encode,
 * which is lossless.
 */
export const cleanCopyArgs = ({ path, facts: { format }, muxer, bytesMax, to }: CopyArguments): string[] => [
  ...['-v', 'error', '-nostdin', '-nostats', '-threads', '1'],
  ...cautiousInput(path, format.demuxer),
  ...['-map', '0:a:0', '-c:a', format.demuxer === 'flac' ? 'flac' : 'copy', '-fs', String(bytesMax)],
  ...['-map_metadata', '-1', '-map_metadata:s:a', '-1', '-map_chapters', '-1'],
  // Do not write the name of the encoder.
  ...['-fflags', '+bitexact', '-flags:a', '+bitexact'],
  ...['-f', ...muxer, '-y', `file:${to}`],
]

/** Formats without a container are copied frame by frame, the header with the encoder delay included. */
const frameKinds: Readonly<Record<string, FrameKind>> = { mp3: mp3Frames, aac: adtsFrames }

/** The muxer, with its options, for a demuxer and a codec. */
function muxerOf(demuxer: string, codec: string): readonly string[] | undefined {
  const isPcm = codec.startsWith('pcm_')
  switch (demuxer) {
    case 'flac':
      return ['flac']
    case 'ogg':
      return ['vorbis', 'opus', 'flac'].includes(codec) ? ['ogg'] : undefined
    case 'wav':
      // RF64 has 64-bit sizes, which files over 4 GiB need.
      return isPcm ? ['wav', '-rf64', 'auto', '-write_bext', '0'] : undefined
    case 'aiff':
      return isPcm ? ['aiff', '-write_id3v2', '0'] : undefined
    case 'mov':
      if (codec === 'aac' || codec === 'alac') return ['ipod']
      // FLAC in MP4 is experimental in ffmpeg 5.
      return isPcm ? ['mov'] : ['mp4', '-strict', '-2']
    default:
      return undefined
  }
}
