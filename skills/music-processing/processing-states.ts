import { type Context } from '../../kernel/pipeline/context'
import { type JobContext } from '../../kernel/events/job'
import { type Track, Upload } from '../../models'
import { lockTrack } from '../tracks/views'
import { changeTrack } from '../tracks/change-track'
import { enqueueDownloadCopy } from './make-download-copy'
import { uploadChanged } from '../music-upload/events'
import { workerCrash } from './failures'
import { saveAudioDetails } from './save-audio-details'
import { clearedLease, LeaseLost, acquireLease } from './lease'
import {
  deleteIncoming,
  deleteReplacedAudio,
  deleteAudioVersion,
  audioVersionPrefix,
} from '../music-upload/object-keys'
import { defaultTitle } from '../tracks/default-title'
import { processingAttemptsMax, retryWindowMs } from '../music-upload/rules'
import { type AnalyzedUpload } from './analyze-upload'
import { transition, isInProgress } from '../music-upload/upload-state'
import { viewUpload } from '../music-upload/views'

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
 * Makes the track ready with its waveform, and emits the events, in one transaction. When the upload replaces audio,
 * the track plays the new audio from now on; existing grants keep the old audio until they expire.
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
  await changeTrack(
    track,
    {
      ...{ state: 'ready', audioKey: key, audioVersion: upload.id, contentType: probe.format.contentType, durationMs },
      ...{ bitrate, sampleRate, channels, tags },
      ...suggestedTitle(upload, track, tags),
    },
    context,
  )
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
  const track = await lockTrackOf(upload)
  if (track.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
  if (retryUntil === null) await deleteIncoming(upload, context)
  await deleteAudioVersion(upload, context)
}

/** Releases the lease without counting the attempt: the worker is shutting down. */
export async function returnAttempt(uploadId: string): Promise<void> {
  const upload = await lockProcessing(uploadId)
  await upload.update({ ...clearedLease, attempts: Math.max(0, upload.attempts - 1) })
}

/** Cleans up after a run that lost its lease. Objects it stored are left to the next run, if there is one. */
export async function yieldLease({ id, trackId }: UploadWithTrack, run: string, context: JobContext): Promise<void> {
  const upload = await Upload.findByPk(id)
  if (upload === null || upload.state === 'aborted' || upload.state === 'rejected')
    await context.app.storage.deletePrefix(audioVersionPrefix(trackId, id))
  // Clear the lease last: while it is set, the maintenance job looks for objects that this run stored.
  await context.transact(async () => {
    await Upload.update(clearedLease, { where: { id, leaseRunId: run } })
  })
}

/** The title from the tags, unless the artist has set one before or since. */
function suggestedTitle(upload: Upload, track: Track, { title }: Record<string, string>) {
  const isNew = !upload.replacesAudio && track.audioKey === null
  const isUnchanged = isNew && upload.title === null && track.title === defaultTitle(upload.fileName)
  return isUnchanged && title !== undefined ? { title } : {}
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
