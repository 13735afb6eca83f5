import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Job, job, type JobContext } from '../../kernel/job'
import { Refusal, refusals } from '../../kernel/refusals'
import { id, shape } from '../../kernel/schema'
import { type Upload } from '../../models'
import { drawWaveform } from './audio/draw-waveform'
import { probeAudio } from './audio/probe-audio'
import { Rejection } from './audio/rejection'
import { honestDuration } from './audio/honest-duration'
import { begin, finish, giveUp, handOver, Overtaken, reach, type Understood } from './processing'
import { audioKey, audioPrefix, incomingKey } from './places'

/**
 * Makes a track of a file that was sent. What is wrong with the file ends it at once, with words for the artist; anything
 * else is tried again, and ends it after the last attempt. Safe to run twice: each step looks at the upload's state under
 * its lock, and the audio is always copied to the same key.
 */
export const processTrack: Job<{ uploadId: string }> = job({
  name: 'music-upload.processTrack',
  payload: shape({ uploadId: id }),
  attemptsMax: 5,

  async run({ uploadId }, context) {
    const { world, transact, signal, isLastAttempt } = context
    const upload = await transact(inside => begin(uploadId, inside))
    if (upload === undefined) return
    try {
      const understood = await inPrivateFolder(folder => understand(upload, join(folder, 'original'), context))
      await transact(inside => finish(uploadId, understood, inside))
    } catch (error) {
      if (error instanceof Overtaken) return world.storage.removeUnder(audioPrefix(upload.trackId))
      if (error instanceof Rejection) return transact(inside => giveUp(uploadId, 'rejected', error.fault, inside))
      if (signal.aborted) return transact(inside => handOver(processTrack, uploadId, inside))
      if (isLastAttempt) await transact(inside => giveUp(uploadId, 'failed', ourFault, inside))
      throw error
    }
  },
})

const ourFault = {
  code: 'processing_failed',
  message: 'Something went wrong on our side. Your file is fine as far as we know: please send it again.',
}

async function understand(
  upload: Upload & { trackId: string },
  path: string,
  { world, signal, transact }: JobContext,
): Promise<Understood> {
  const { ffmpeg, ffprobe } = world.config.tools
  const { etag, sha256 } = upload
  if (etag === null) throw new Error('an upload is processed before it was finalized')
  const from = incomingKey(upload.id)
  const fetched = await world.storage.download(from, path, { etag, signal }).catch(asRejection)
  if (fetched.sha256 !== sha256) throw new Rejection('file_changed')

  await transact(inside => reach(upload.id, 'probing', 20, inside))
  const facts = await probeAudio(ffprobe, path, signal)

  await transact(inside => reach(upload.id, 'drawing', 40, inside))
  const drawing = await drawWaveform(ffmpeg, path, facts.format, signal)
  const durationMs = honestDuration(facts, drawing)

  await transact(inside => reach(upload.id, 'storing', 80, inside))
  const { extension, contentType } = facts.format
  const key = audioKey(upload.trackId, upload.id, extension)
  await world.storage.copy(from, key, etag, contentType).catch(asRejection)
  return { key, facts, durationMs, peaks: drawing.peaks }
}

/** What was pinned is not there any more. */
function asRejection(error: unknown): never {
  if (error instanceof Refusal && error.kind === refusals.conflict) throw new Rejection('file_changed')
  throw error
}

async function inPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `tutti-upload-${process.pid}-`))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
