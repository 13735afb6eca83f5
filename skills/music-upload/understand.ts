import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { Refusal, refusals } from '../../kernel/refusals'
import { type Upload } from '../../models'
import { drawWaveform } from './audio/draw-waveform'
import { honestDuration } from './audio/honest-duration'
import { type AudioFacts, probeAudio } from './audio/probe-audio'
import { Rejection } from './audio/rejection'
import { audioKey, incomingKey } from './places'
import { inPrivateFolder } from './private-folder'
import { reach } from './processing'

/** What became of a file. */
export interface Understood {
  key: string
  facts: AudioFacts
  durationMs: number
  peaks: Buffer
}

/** Fetches what was sent, listens to it, and puts what is served in its place. Changes nothing but the upload's progress. */
export const understand = (upload: Upload & { trackId: string }, context: JobContext): Promise<Understood> =>
  inPrivateFolder(folder => understandFile(upload, join(folder, 'original'), context))

async function understandFile(
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
