import { join } from 'node:path'
import { type JobContext } from '../../kernel/events/job'
import { inPrivateFolder } from '../../media/private-folder'
import { Refusal, refusals } from '../../kernel/pipeline/refusals'
import { Track, type Upload } from '../../models'
import { hasChromaprint } from '../../media/audio/has-chromaprint'
import { verifyDuration } from '../../media/audio/verify-duration'
import { type AudioMeasurements, measureAudio } from '../../media/audio/measure-audio'
import { type ProbedAudio, probeAudio } from '../../media/audio/probe-audio'
import { Rejection } from '../../media/audio/rejection'
import { packageStreams } from '../../media/audio/package-streams'
import { DownloadCopyFailed, type DownloadCopy, buildDownloadCopy, noDownloadCopy } from './build-download-copy'
import { saveContentHash } from './save-content-hash'
import { audioKey, incomingKey } from '../music-upload/object-keys'
import { reportStep } from './processing-states'
import { type StoredStreams, storeStreams } from './store-streams'
import { withHeartbeat } from './with-heartbeat'

/** The result of processing a file. */
export interface AnalyzedUpload {
  key: string
  probe: ProbedAudio
  durationMs: number
  measurements: Omit<AudioMeasurements, 'durationMs'>
  streams: StoredStreams
  download: DownloadCopy
}

/**
 * Downloads the sent file, analyzes and encodes it, and stores what is served. Writes nothing to the database but
 * progress and content hash.
 */
export const analyzeUpload = (upload: Upload & { trackId: string }, context: JobContext): Promise<AnalyzedUpload> =>
  inPrivateFolder(folder => analyzeFile(upload, folder, context))

async function analyzeFile(
  upload: Upload & { trackId: string },
  folder: string,
  context: JobContext,
): Promise<AnalyzedUpload> {
  const { app, signal, transact } = context
  const { ffmpeg, ffprobe } = app.config.tools
  const { id: uploadId, trackId, etag, sha256 } = upload
  if (etag === null) throw new Error('an upload was processed before it was finalized')
  const path = join(folder, 'original')
  const from = incomingKey(uploadId)
  const fetched = await app.storage.download(from, path, { etag, signal }).catch(asRejection)
  if (sha256 !== null && fetched.sha256 !== sha256) throw new Rejection('file_changed')
  await transact(inside => saveContentHash(uploadId, fetched.sha256, inside))

  await transact(inside => reportStep(uploadId, 'probing', 20, inside))
  const facts = await probeAudio(ffprobe, path, signal)

  await transact(inside => reportStep(uploadId, 'waveform', 40, inside))
  const scratch = (await hasChromaprint(ffmpeg)) ? join(folder, 'fingerprint') : null
  const { format } = facts
  const heard = await measureAudio({
    ffmpeg,
    path,
    format,
    durationMs: facts.durationMs,
    fingerprintPath: scratch,
    signal,
  })
  const durationMs = verifyDuration(facts, heard)

  await transact(inside => reportStep(uploadId, 'encoding', 50, inside))
  const streams = await withHeartbeat(uploadId, context, (signal, reached) =>
    packageStreams(
      { ffmpeg, path, facts, durationMs, folder: join(folder, 'streams'), wantsOpus: app.config.encodeOpus, signal },
      reached,
    ),
  )

  await transact(inside => reportStep(uploadId, 'storing', 80, inside))
  const key = audioKey(trackId, uploadId, format.extension)
  await app.storage.copy(from, key, etag, format.contentType).catch(asRejection)
  const stored = await storeStreams({ trackId, uploadId }, streams, context)
  // After the streams are off the disk: the copy takes as much room as the file. Made only when downloads are
  // allowed; otherwise a job makes it later.
  const download = (await isDownloadable(trackId))
    ? await buildDownloadCopy({ trackId, uploadId, path, facts, durationMs, folder }, context).catch(retryLater)
    : noDownloadCopy
  return { key, probe: facts, durationMs, measurements: heard, streams: stored, download }
}

/** The track is playable without it: the copy job retries, and records when no copy can be made. */
function retryLater(error: unknown): DownloadCopy {
  if (error instanceof DownloadCopyFailed) return noDownloadCopy
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
