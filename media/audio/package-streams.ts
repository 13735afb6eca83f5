import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isSameDuration } from './is-same-duration'
import { encodeAudio } from './encode-audio'
import { readFragments } from './read-fragments'
import { chooseQualities, chooseStreamShape } from './bitrate-ladder'
import {
  audioContentType,
  bandwidthOf,
  type Bandwidth,
  codecsOf,
  mediaPlaylist,
  multivariantPlaylist,
  playlistContentType,
} from './hls-playlists'
import { type ProbedAudio } from './probe-audio'

/** The files to stream a track, in one local folder; they refer to each other by these names. */
export interface PackagedStreams {
  /** Ordered: a file comes before the playlists that refer to it. */
  files: readonly StreamFile[]
  renditions: readonly (Bandwidth & { name: string; codecs: string; sizeBytes: number })[]
}

export interface StreamFile {
  /** Relative to the key prefix of the upload's streams. */
  name: string
  path: string
  contentType: string
}

interface StreamSource {
  ffmpeg: string
  path: string
  probe: ProbedAudio
  durationMs: number
  /** Output folder; created here. */
  folder: string
  wantsOpus: boolean
  signal: AbortSignal
}

/** Encodes every rendition and the preview, and writes the media playlists and the multivariant playlist. */
export async function packageStreams(
  source: StreamSource,
  onProgress: (share: number) => void,
): Promise<PackagedStreams> {
  const { probe, durationMs, folder, path, wantsOpus } = source
  await mkdir(folder)
  const { size } = await stat(path)
  const shape = chooseStreamShape(probe)
  // Computed from the size: the bit rate in the header may be wrong, or that of the first second.
  const original = { codec: probe.codec, kbps: (size * 8) / durationMs }
  const qualities = chooseQualities(shape, original, { opus: wantsOpus })
  await encodeAudio({ ...source, format: probe.format, shape, qualities }, onProgress)

  const files: StreamFile[] = [
    { name: 'preview.m4a', path: join(folder, 'preview.m4a'), contentType: audioContentType },
  ]
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content)
    files.push({ name: `hls/${name}`, path: join(folder, name), contentType: playlistContentType })
  }
  const renditions = []
  for (const quality of qualities) {
    const { name } = quality
    const media = join(folder, `${name}.mp4`)
    const fragments = await readFragments(media)
    const encodedMs = 1000 * fragments.segments.reduce((sum, { seconds }) => sum + seconds, 0)
    if (!isSameDuration(encodedMs, durationMs))
      throw new Error(`${name} lasts ${encodedMs} ms instead of ${durationMs}`)
    files.push({ name: `hls/${name}.mp4`, path: media, contentType: audioContentType })
    await write(`${name}.m3u8`, mediaPlaylist(fragments, `${name}.mp4`))
    const { sizeBytes } = fragments
    renditions.push({ name, codecs: codecsOf(quality), ...bandwidthOf(fragments), sizeBytes })
  }
  await write(
    'master.m3u8',
    multivariantPlaylist(renditions.map(rendition => ({ ...rendition, playlistName: `${rendition.name}.m3u8` }))),
  )
  return { files, renditions }
}
