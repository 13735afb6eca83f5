import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { honestDuration } from '../../../skills/music-upload/audio/honest-duration'
import { listen } from '../../../skills/music-upload/audio/listen'
import { probeAudio } from '../../../skills/music-upload/audio/probe-audio'
import { type FaultCode, Rejection } from '../../../skills/music-upload/audio/rejection'

/** Validates a file as a worker does: 'taken', or the code of its rejection. */
export async function judge(tools: { ffmpeg: string; ffprobe: string }, file: Buffer): Promise<FaultCode | 'taken'> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-judge-'))
  const path = join(folder, 'original')
  const { signal } = new AbortController()
  try {
    await writeFile(path, file)
    const facts = await probeAudio(tools.ffprobe, path, signal)
    const { format, durationMs } = facts
    const scratch = join(folder, 'fingerprint')
    honestDuration(facts, await listen({ ffmpeg: tools.ffmpeg, path, format, durationMs, scratch, signal }))
    return 'taken'
  } catch (error) {
    if (error instanceof Rejection) return error.code
    throw error
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Validates files, three at a time; the results are in the order of the files. */
export async function judgeAll(tools: { ffmpeg: string; ffprobe: string }, files: readonly Buffer[]) {
  const results: (FaultCode | 'taken')[] = []
  const queue = files.map((file, index) => ({ file, index }))
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next.index] = await judge(tools, next.file)
  }
  await Promise.all([work(), work(), work()])
  return results
}
