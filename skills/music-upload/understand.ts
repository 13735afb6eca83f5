import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { Refusal, refusals } from '../../kernel/refusals'
import { Track, type Upload } from '../../models'
import { canFingerprint } from './audio/can-fingerprint'
import { honestDuration } from './audio/honest-duration'
import { type Heard, listen } from './audio/listen'
import { type AudioFacts, probeAudio } from './audio/probe-audio'
import { Rejection } from './audio/rejection'
import { makeStreams } from './make-streams'
import { CopyFailed, type Download, makeDownload, noDownload } from './make-download'
import { noteContent } from './note-content'
import { audioKey, incomingKey } from './places'
import { reach } from './processing'
import { type StoredStreams, storeStreams } from './store-streams'
import { tellWhile } from './tell-while'

/** The result of processing a file. */
export interface Understood {
  key: string
  facts: AudioFacts
  durationMs: number
  heard: Omit<Heard, 'durationMs'>
  streams: StoredStreams
  download: Download
}

/**
 * Downloads the sent file, analyzes and encodes it, and stores what is served. Writes nothing to the database but
 * progress and content hash.
 */
export const understand = (upload: Upload & { trackId: string }, context: JobContext): Promise<Understood> =>
  inPrivateFolder(folder => analyzeFile(upload, folder, context))

async function analyzeFile(
  upload: Upload & { trackId: string },
  folder: string,
  context: JobContext,
): Promise<Understood> {
  const { world, signal, transact } = context
  const { ffmpeg, ffprobe } = world.config.tools
  const { id: uploadId, trackId, etag, sha256 } = upload
  if (etag === null) throw new Error('an upload was processed before it was finalized')
  const path = join(folder, 'original')
  const from = incomingKey(uploadId)
  const fetched = await world.storage.download(from, path, { etag, signal }).catch(asRejection)
  if (sha256 !== null && fetched.sha256 !== sha256) throw new Rejection('file_changed')
  await transact(inside => noteContent(uploadId, fetched.sha256, inside))

  await transact(inside => reach(uploadId, 'probing', 20, inside))
  const facts = await probeAudio(ffprobe, path, signal)

  await transact(inside => reach(uploadId, 'drawing', 40, inside))
  const scratch = (await canFingerprint(ffmpeg)) ? join(folder, 'fingerprint') : null
  const { format } = facts
  const heard = await listen({ ffmpeg, path, format, durationMs: facts.durationMs, scratch, signal })
  const durationMs = honestDuration(facts, heard)

  await transact(inside => reach(uploadId, 'encoding', 50, inside))
  const streams = await tellWhile(uploadId, context, (signal, reached) =>
    makeStreams(
      { ffmpeg, path, facts, durationMs, folder: join(folder, 'streams'), wantsOpus: world.config.streamOpus, signal },
      reached,
    ),
  )

  await transact(inside => reach(uploadId, 'storing', 80, inside))
  const key = audioKey(trackId, uploadId, format.extension)
  await world.storage.copy(from, key, etag, format.contentType).catch(asRejection)
  const stored = await storeStreams({ trackId, uploadId }, streams, context)
  // After the streams are off the disk: the copy takes as much room as the file. Made only when downloads are
  // allowed; otherwise a job makes it later.
  const download = (await isDownloadable(trackId))
    ? await makeDownload({ trackId, uploadId, path, facts, durationMs, folder }, context).catch(retryLater)
    : noDownload
  return { key, facts, durationMs, heard, streams: stored, download }
}

/** The track is playable without it: the copy job retries, and records when no copy can be made. */
function retryLater(error: unknown): Download {
  if (error instanceof CopyFailed) return noDownload
  throw error
}

async function isDownloadable(trackId: string): Promise<boolean> {
  const track = await Track.findByPk(trackId, { attributes: ['isDownloadable'] })
  return track?.isDownloadable === true
}

/** The object with the pinned ETag is gone. */
function asRejection(error: unknown): never {
  if (error instanceof Refusal && error.kind === refusals.conflict) throw new Rejection('file_changed')
  throw error
}
