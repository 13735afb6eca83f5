import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyDuration } from '../../../media/audio/verify-duration'
import { measureAudio } from '../../../media/audio/measure-audio'
import { probeAudio } from '../../../media/audio/probe-audio'
import { type RejectionCode, Rejection } from '../../../media/audio/rejection'

/** Validates a file as a worker does: 'taken', or the code of its rejection. */
export async function validateAudio(
  tools: { ffmpeg: string; ffprobe: string },
  file: Buffer,
): Promise<RejectionCode | 'taken'> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-judge-'))
  const path = join(folder, 'original')
  const { signal } = new AbortController()
  try {
    await writeFile(path, file)
    const facts = await probeAudio(tools.ffprobe, path, signal)
    const { format, durationMs } = facts
    const scratch = join(folder, 'fingerprint')
    verifyDuration(
      facts,
      await measureAudio({ ffmpeg: tools.ffmpeg, path, format, durationMs, fingerprintPath: scratch, signal }),
    )
    return 'taken'
  } catch (error) {
    if (error instanceof Rejection) return error.code
    throw error
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Validates files, three at a time; the results are in the order of the files. */
export async function validateAudioFiles(tools: { ffmpeg: string; ffprobe: string }, files: readonly Buffer[]) {
  const results: (RejectionCode | 'taken')[] = []
  const queue = files.map((file, index) => ({ file, index }))
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next.index] = await validateAudio(tools, next.file)
  }
  await Promise.all([work(), work(), work()])
  return results
}
