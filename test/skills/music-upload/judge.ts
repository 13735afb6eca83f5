import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { honestDuration } from '../../../skills/music-upload/audio/honest-duration'
import { listen } from '../../../skills/music-upload/audio/listen'
import { probeAudio } from '../../../skills/music-upload/audio/probe-audio'
import { type FaultCode, Rejection } from '../../../skills/music-upload/audio/rejection'

/** What comes of a file, as a worker judges it: it is taken, or refused with a code of the list. */
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

/** The same of many, a few at a time; the answers in their order. */
export async function judgeAll(tools: { ffmpeg: string; ffprobe: string }, files: readonly Buffer[]) {
  const answers: (FaultCode | 'taken')[] = []
  const waiting = files.map((file, place) => ({ file, place }))
  const take = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      answers[next.place] = await judge(tools, next.file)
  }
  await Promise.all([take(), take(), take()])
  return answers
}
