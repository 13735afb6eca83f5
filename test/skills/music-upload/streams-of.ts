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
  /** The path of a file. */
  at: (name: string) => string
  /** The reported progress, from 0 to 1. */
  shares: number[]
}

/** Makes the streams of an audio file in a new folder below `folder`. */
export async function streamsOf(folder: string, path: string, { wantsOpus = false } = {}): Promise<Made> {
  const { ffmpeg, ffprobe } = toolsOfTests()
  const { signal } = new AbortController()
  const facts = await probeAudio(ffprobe, path, signal)
  const { durationMs } = await listen({ ffmpeg, path, ...facts, scratch: null, signal })
  const outputFolder = join(folder, randomUUID())
  const shares: number[] = []
  const audio = { ffmpeg, path, facts, durationMs, folder: outputFolder, wantsOpus, signal }
  const streams = await makeStreams(audio, share => void shares.push(share))
  return {
    ...streams,
    durationMs,
    names: streams.renditions.map(({ name }) => name),
    at: name => join(outputFolder, name),
    shares,
  }
}
