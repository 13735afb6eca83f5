import { stat } from 'node:fs/promises'
import { isSameDuration } from './is-same-duration'
import { copyFrames } from './copy-frames'
import { untrustedInputArgs } from './formats'
import { adtsFrames, type TimedFrameFormat, mp3Frames } from './frames/mp3-adts-frames'
import { isChainedOgg } from './is-chained-ogg'
import { type ProbedAudio, probeAudio } from './probe-audio'
import { isCausedByFile } from './rejection'
import { runAudioTool } from './run-audio-tool'

/** Copying ran at 3,000 times real time, FLAC at 400; the limit allows for a busy machine and a slow disk. */
const timeoutMsFor = (durationMs: number) => 10 * 60_000 + durationMs / 20

export interface StripMetadataOptions {
  ffmpeg: string
  ffprobe: string
  path: string
  probe: Pick<ProbedAudio, 'format' | 'codec'>
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
 * @throws an error that a retry may fix: Rejection `processing_timeout`, or a failure of the machine
 */
export async function stripMetadata(copying: StripMetadataOptions): Promise<boolean> {
  const { path, to, probe, durationMs, signal } = copying
  const { format, codec } = probe
  const kind = frameKinds[format.demuxer]
  if (kind !== undefined) return isSameDuration(await copyFrames(path, to, kind, signal), durationMs)
  const muxer = muxerOf(format.demuxer, codec)
  if (muxer === undefined || (format.demuxer === 'ogg' && (await isChainedOgg(path, signal)))) return false
  const bytesMax = 2 * (await stat(path)).size + 1024 * 1024
  const limits = { timeoutMs: timeoutMsFor(durationMs), signal }
  try {
    const args = stripMetadataArgs({ path, probe, muxer, bytesMax, to })
    if (!(await runAudioTool(copying.ffmpeg, args, limits, () => undefined))) return false
    const probed = await probeAudio(copying.ffprobe, to, signal)
    return probed.codec === codec && probed.durationMs !== null && isSameDuration(probed.durationMs, durationMs)
  } catch (error) {
    // It crashes ffmpeg or cannot be read again, though it could be streamed.
    if (isCausedByFile(error)) return false
    throw error
  }
}

interface CopyArguments extends Pick<StripMetadataOptions, 'path' | 'probe' | 'to'> {
  muxer: readonly string[]
  bytesMax: number
}

/**
 * FLAC frames do not say where they end, so a plain copy would take along data between or behind them: re-encode,
 * which is lossless.
 */
export const stripMetadataArgs = ({ path, probe: { format }, muxer, bytesMax, to }: CopyArguments): string[] => [
  ...['-v', 'error', '-nostdin', '-nostats', '-threads', '1'],
  ...untrustedInputArgs(path, format.demuxer),
  ...['-map', '0:a:0', '-c:a', format.demuxer === 'flac' ? 'flac' : 'copy', '-fs', String(bytesMax)],
  ...['-map_metadata', '-1', '-map_metadata:s:a', '-1', '-map_chapters', '-1'],
  // Do not write the name of the encoder.
  ...['-fflags', '+bitexact', '-flags:a', '+bitexact'],
  ...['-f', ...muxer, '-y', `file:${to}`],
]

/** Formats without a container are copied frame by frame, the header with the encoder delay included. */
const frameKinds: Readonly<Record<string, TimedFrameFormat>> = { mp3: mp3Frames, aac: adtsFrames }

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
