import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAsLong } from './audio/as-long'
import { encode } from './audio/encode'
import { type Format } from './audio/formats'
import { readFragments } from './audio/fragments'
import { qualitiesOf, streamShapeOf } from './audio/ladder'
import { bandwidthOf, type Bandwidth, codecsOf, mediaPlaylist, multivariantPlaylist } from './audio/playlists'
import { type AudioFacts } from './audio/probe-audio'

/** All that is streamed of a sound, in a folder, under the names by which its parts refer to each other. */
export interface Streams {
  /** What is referred to comes before what refers to it. */
  files: readonly StreamFile[]
  renditions: readonly (Bandwidth & { name: string; codecs: string; sizeBytes: number })[]
}

export interface StreamFile {
  /** Below the place of all streams of the upload. */
  name: string
  path: string
  contentType: string
}

interface Sound {
  ffmpeg: string
  path: string
  facts: AudioFacts & { format: Format }
  durationMs: number
  /** To be made; files go there. */
  folder: string
  wantsOpus: boolean
  signal: AbortSignal
}

/** Makes every rendition, its playlist, the playlist of playlists, and the preview. */
export async function makeStreams(sound: Sound, reached: (share: number) => void): Promise<Streams> {
  const { facts, durationMs, folder, path, wantsOpus } = sound
  await mkdir(folder)
  const { size } = await stat(path)
  const shape = streamShapeOf(facts)
  // What the header says of its bit rate may be wrong, or of the first second only.
  const source = { codec: facts.codec, kbps: (size * 8) / durationMs }
  const qualities = qualitiesOf(shape, source, { opus: wantsOpus })
  await encode({ ...sound, format: facts.format, shape, qualities }, reached)

  const files: StreamFile[] = [{ name: 'preview.m4a', path: join(folder, 'preview.m4a'), contentType: 'audio/mp4' }]
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content)
    files.push({ name: `hls/${name}`, path: join(folder, name), contentType: 'application/vnd.apple.mpegurl' })
  }
  const renditions = []
  for (const quality of qualities) {
    const { name } = quality
    const media = join(folder, `${name}.mp4`)
    const fragments = await readFragments(media)
    const madeMs = 1000 * fragments.list.reduce((sum, { seconds }) => sum + seconds, 0)
    if (!isAsLong(madeMs, durationMs)) throw new Error(`${name} lasts ${madeMs} ms instead of ${durationMs}`)
    files.push({ name: `hls/${name}.mp4`, path: media, contentType: 'audio/mp4' })
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
