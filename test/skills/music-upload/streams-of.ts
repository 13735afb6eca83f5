import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { listen } from '../../../skills/music-upload/audio/listen'
import { probeAudio } from '../../../skills/music-upload/audio/probe-audio'
import { makeStreams, type Streams } from '../../../skills/music-upload/make-streams'
import { toolsOfTests } from '../../sound'

export interface Made extends Streams {
  durationMs: number
  /** The names of the renditions. */
  names: string[]
  /** Where a file of it lies. */
  at: (name: string) => string
  /** What was told of the progress. */
  shares: number[]
}

/** All that is streamed of a file, made in a folder of its own below `folder`. */
export async function streamsOf(folder: string, path: string, { wantsOpus = false } = {}): Promise<Made> {
  const { ffmpeg, ffprobe } = toolsOfTests()
  const { signal } = new AbortController()
  const facts = await probeAudio(ffprobe, path, signal)
  const { durationMs } = await listen({ ffmpeg, path, ...facts, scratch: null, signal })
  const own = join(folder, randomUUID())
  const shares: number[] = []
  const sound = { ffmpeg, path, facts, durationMs, folder: own, wantsOpus, signal }
  const streams = await makeStreams(sound, share => void shares.push(share))
  return {
    ...streams,
    durationMs,
    names: streams.renditions.map(({ name }) => name),
    at: name => join(own, name),
    shares,
  }
}
