import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { measureAudio } from '../../../media/audio/measure-audio'
import { probeAudio } from '../../../media/audio/probe-audio'
import { packageStreams, type PackagedStreams } from '../../../media/audio/package-streams'
import { testTools } from '../../audio-analysis'

export interface TestStreams extends PackagedStreams {
  durationMs: number
  /** The names of the renditions. */
  names: string[]
  /** The path of a file. */
  pathOf: (name: string) => string
  /** The reported progress, from 0 to 1. */
  progress: number[]
}

/** Makes the streams of an audio file in a new folder below `folder`. */
export async function makeTestStreams(folder: string, path: string, { wantsOpus = false } = {}): Promise<TestStreams> {
  const { ffmpeg, ffprobe } = testTools()
  const { signal } = new AbortController()
  const facts = await probeAudio(ffprobe, path, signal)
  const { durationMs } = await measureAudio({ ffmpeg, path, ...facts, fingerprintPath: null, signal })
  const outputFolder = join(folder, randomUUID())
  const shares: number[] = []
  const audio = { ffmpeg, path, probe: facts, durationMs, folder: outputFolder, wantsOpus, signal }
  const streams = await packageStreams(audio, share => void shares.push(share))
  return {
    ...streams,
    durationMs,
    names: streams.renditions.map(({ name }) => name),
    pathOf: name => join(outputFolder, name),
    progress: shares,
  }
}
