import { type Context } from '../../kernel/pipeline/context'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { type Track, Upload } from '../../models'
import { uploadChanged } from '../music-upload/events'
import { isInProgress, retryWindowMs, transition } from '../music-upload/rules'
import { viewUpload } from '../music-upload/views'
import { lockTrack } from '../tracks/views'
import { type AnalyzedUpload } from './analyzed-upload'
import { deleteAudioVersion, deleteReplacedAudio } from './delete-audio'
import { audioFailed, audioReady } from './events'
import { workerCrash } from './failures'
import { acquireLease, clearedLease, LeaseLost } from './lease'
import { processingAttemptsMax } from './rules'
import { enqueueDownloadCopy } from './make-download-copy'
import { saveAudioDetails } from './save-audio-details'

export type UploadWithTrack = Upload & { trackId: string }

/** Starts or restarts processing of an upload; undefined when there is nothing to do. */
export async function startProcessing(
  uploadId: string,
  runId: string,
  context: Context,
): Promise<UploadWithTrack | undefined> {
  const upload = await lockUpload(uploadId)
  if (upload === undefined) return undefined
  if (!isInProgress(upload.state)) {
    // An earlier attempt may have stored audio before it lost its lease.
    if (upload.state === 'aborted') await deleteAudioVersion(upload, context)
    return undefined
  }
  if (upload.attempts >= processingAttemptsMax) {
    await end(upload, 'failed', workerCrash, context)
    return undefined
  }
  await acquireLease(upload.id, runId, context)
  await upload.reload()
  const state = upload.state === 'processing' ? upload.state : transition(upload.state, 'processing')
  await updateUpload(upload, { state, step: 'downloading', progress: 5 }, context)
  return upload
}

/** @throws LeaseLost */
export async function reportStep(
  uploadId: string,
  step: Exclude<Upload['step'], null>,
  progress: number,
  context: Context,
): Promise<void> {
  await updateUpload(await lockProcessing(uploadId), { step, progress }, context)
}

/**
 * Stores what was made of an upload, and makes its track ready by `audioReady`, in one transaction. When the upload
 * replaces audio, the track plays the new audio from now on; existing grants keep the old audio until they expire.
 */
export async function finishProcessing(uploadId: string, analyzed: AnalyzedUpload, context: Context): Promise<void> {
  const upload = await lockProcessing(uploadId)
  const track = await lockTrackOf(upload)
  const { key, probe, durationMs } = analyzed
  const { bitrate, sampleRate, channels, tags } = probe
  await deleteReplacedAudio(track, context)
  await saveAudioDetails({ trackId: track.id, uploadId }, analyzed, context)
  await updateUpload(
    upload,
    { state: transition(upload.state, 'ready'), step: null, progress: 100, ...clearedLease },
    context,
  )
  await context.emit(audioReady, {
    ...{ uploadId, trackId: track.id, audioKey: key, contentType: probe.format.contentType, durationMs },
    ...{ bitrate, sampleRate, channels, tags },
  })
  // The artist allowed downloads during processing.
  if (track.isDownloadable && analyzed.download.downloadUploadId === null) await enqueueDownloadCopy(track.id, context)
  await deleteIncoming(upload, context)
}

/** Ends an upload without audio. A track that has other audio keeps it. */
export async function failProcessing(
  uploadId: string,
  state: 'rejected' | 'failed',
  error: { code: string; message: string },
  context: Context,
): Promise<void> {
  const upload = await lockUpload(uploadId)
  if (upload !== undefined && isInProgress(upload.state)) await end(upload, state, error, context)
}

async function end(
  upload: UploadWithTrack,
  state: 'rejected' | 'failed',
  error: { code: string; message: string },
  context: Context,
): Promise<void> {
  // Keep the file of a failed upload, so that it can be retried without sending it again.
  const retryUntil = state === 'failed' ? new Date(context.now.getTime() + retryWindowMs) : null
  await updateUpload(
    upload,
    { state: transition(upload.state, state), step: null, error, retryUntil, ...clearedLease },
    context,
  )
  await lockTrackOf(upload)
  await context.emit(audioFailed, { uploadId: upload.id, trackId: upload.trackId })
  if (retryUntil === null) await deleteIncoming(upload, context)
  await deleteAudioVersion(upload, context)
}

async function updateUpload(
  upload: Upload,
  changes: Partial<Pick<Upload, 'state' | 'step' | 'progress' | 'error' | 'retryUntil' | 'leaseRunId' | 'leaseUntil'>>,
  { emit }: Context,
): Promise<void> {
  await upload.update(changes)
  await emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
}

async function lockProcessing(uploadId: string): Promise<UploadWithTrack> {
  const upload = await lockUpload(uploadId)
  if (upload?.state !== 'processing') throw new LeaseLost()
  return upload
}

async function lockUpload(uploadId: string): Promise<UploadWithTrack | undefined> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  return upload !== null && isWithTrack(upload) ? upload : undefined
}

const isWithTrack = (upload: Upload): upload is UploadWithTrack => upload.trackId !== null

/** @throws LeaseLost */
async function lockTrackOf({ trackId }: UploadWithTrack): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) throw new LeaseLost()
  return track
}
