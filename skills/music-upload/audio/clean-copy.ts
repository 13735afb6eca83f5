import { stat } from 'node:fs/promises'
import { isAsLong } from './as-long'
import { copyFrames } from './copy-frames'
import { cautiousInput } from './formats'
import { adtsFrames, type FrameKind, mp3Frames } from './pieces/frame-kinds'
import { isChained } from './is-chained'
import { type AudioFacts, probeAudio } from './probe-audio'
import { saysOfFile } from './rejection'
import { runTool } from './run-tool'

/** A copy ran 3,000 times as fast as the sound, a FLAC 400 times; this bears a busy machine and a slow disk. */
const patienceMs = (durationMs: number) => 10 * 60_000 + durationMs / 20

export interface Copying {
  ffmpeg: string
  ffprobe: string
  path: string
  facts: Pick<AudioFacts, 'format' | 'codec'>
  /** As heard. */
  durationMs: number
  /** Where the copy goes. */
  to: string
  signal: AbortSignal
}

/**
 * Makes a copy of a file in which there is its sound and nothing else: the same samples, in the same format. No tag is
 * carried over, not even a title: that of the track may change any day, and stands in the name of the download.
 * @returns whether there is one. Not every pair of container and codec can be taken apart.
 * @throws what may go better another time: a Rejection `too_slow`, or whatever the machine is at fault for
 */
export async function cleanCopy(copying: Copying): Promise<boolean> {
  const { path, to, facts, durationMs, signal } = copying
  const { format, codec } = facts
  const kind = frameKinds[format.demuxer]
  if (kind !== undefined) return isAsLong(await copyFrames(path, to, kind, signal), durationMs)
  const muxer = muxerOf(format.demuxer, codec)
  if (muxer === undefined || (format.demuxer === 'ogg' && (await isChained(path, signal)))) return false
  const bytesMax = 2 * (await stat(path)).size + 1024 * 1024
  const limits = { timeoutMs: patienceMs(durationMs), signal }
  try {
    const args = cleanCopyArgs({ path, facts, muxer, bytesMax, to })
    if (!(await runTool(copying.ffmpeg, args, limits, () => undefined))) return false
    const made = await probeAudio(copying.ffprobe, to, signal)
    return made.codec === codec && made.durationMs !== null && isAsLong(made.durationMs, durationMs)
  } catch (error) {
    // It crashes ffmpeg, or cannot be read again: it was good enough to be streamed.
    if (saysOfFile(error)) return false
    throw error
  }
}

interface CopyWish extends Pick<Copying, 'path' | 'facts' | 'to'> {
  muxer: readonly string[]
  bytesMax: number
}

/**
 * The frames of a FLAC say not where they end, and what lies between or behind them would be copied with them: they are
 * made anew, which costs no sample.
 */
export const cleanCopyArgs = ({ path, facts: { format }, muxer, bytesMax, to }: CopyWish): string[] => [
  ...['-v', 'error', '-nostdin', '-nostats', '-threads', '1'],
  ...cautiousInput(path, format.demuxer),
  ...['-map', '0:a:0', '-c:a', format.demuxer === 'flac' ? 'flac' : 'copy', '-fs', String(bytesMax)],
  ...['-map_metadata', '-1', '-map_metadata:s:a', '-1', '-map_chapters', '-1'],
  // Not even what made the copy.
  ...['-fflags', '+bitexact', '-flags:a', '+bitexact'],
  ...['-f', ...muxer, '-y', `file:${to}`],
]

/** What has no container is cut into its frames, header of the encoder's delay included. */
const frameKinds: Readonly<Record<string, FrameKind>> = { mp3: mp3Frames, aac: adtsFrames }

/** The muxer that writes the container of a demuxer with a codec in it, with its options. */
function muxerOf(demuxer: string, codec: string): readonly string[] | undefined {
  const isPcm = codec.startsWith('pcm_')
  switch (demuxer) {
    case 'flac':
      return ['flac']
    case 'ogg':
      return ['vorbis', 'opus', 'flac'].includes(codec) ? ['ogg'] : undefined
    case 'wav':
      // Beyond 4 GiB sizes have 64 bits.
      return isPcm ? ['wav', '-rf64', 'auto', '-write_bext', '0'] : undefined
    case 'aiff':
      return isPcm ? ['aiff', '-write_id3v2', '0'] : undefined
    case 'mov':
      if (codec === 'aac' || codec === 'alac') return ['ipod']
      // FLAC in MP4 counts as an experiment in ffmpeg 5.
      return isPcm ? ['mov'] : ['mp4', '-strict', '-2']
    default:
      return undefined
  }
}
