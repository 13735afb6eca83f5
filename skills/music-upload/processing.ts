import { type Context } from '../../kernel/context'
import { type JobContext } from '../../kernel/job'
import { type Track, Upload } from '../../models'
import { lockTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { enqueueCopy } from './copy-for-download'
import { uploadChanged } from './events'
import { deadlyFile } from './faults'
import { keepWhatWasHeard } from './keep-what-was-heard'
import { noLease, Overtaken, takeLease } from './lease'
import { forgetIncoming, forgetReplaced, forgetVersion, versionPrefix } from './places'
import { provisionalTitle } from './provisional-title'
import { processingAttemptsMax, retryWindowMs } from './rules'
import { type Understood } from './understand'
import { advance, isUnderWay } from './upload-state'
import { viewUpload } from './views'

export type WithTrack = Upload & { trackId: string }

/** Starts or restarts processing of an upload; undefined when there is nothing to do. */
export async function begin(uploadId: string, run: string, context: Context): Promise<WithTrack | undefined> {
  const upload = await lockUpload(uploadId)
  if (upload === undefined) return undefined
  if (!isUnderWay(upload.state)) {
    // An earlier attempt may have stored audio before it lost its lease.
    if (upload.state === 'aborted') await forgetVersion(upload, context)
    return undefined
  }
  if (upload.attempts >= processingAttemptsMax) {
    await end(upload, 'failed', deadlyFile, context)
    return undefined
  }
  await takeLease(upload.id, run, context)
  await upload.reload()
  const state = upload.state === 'processing' ? upload.state : advance(upload.state, 'processing')
  await updateUpload(upload, { state, step: 'fetching', progress: 5 }, context)
  return upload
}

/** @throws LeaseLost */
export async function reach(
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
export async function finish(uploadId: string, understood: Understood, context: Context): Promise<void> {
  const upload = await lockProcessing(uploadId)
  const track = await lockTrackOf(upload)
  const { key, facts, durationMs } = understood
  const { bitrate, sampleRate, channels, tags } = facts
  await forgetReplaced(track, context)
  await keepWhatWasHeard({ trackId: track.id, uploadId }, understood, context)
  await updateUpload(upload, { state: advance(upload.state, 'ready'), step: null, progress: 100, ...noLease }, context)
  await changeTrack(
    track,
    {
      ...{ state: 'ready', audioKey: key, audioVersion: upload.id, contentType: facts.format.contentType, durationMs },
      ...{ bitrate, sampleRate, channels, tags },
      ...suggestedTitle(upload, track, tags),
    },
    context,
  )
  // The artist allowed downloads during processing.
  if (track.isDownloadable && understood.download.downloadOf === null) await enqueueCopy(track.id, context)
  await forgetIncoming(upload, context)
}

/** Ends an upload without audio. A track that has other audio keeps it. */
export async function giveUp(
  uploadId: string,
  state: 'rejected' | 'failed',
  fault: { code: string; message: string },
  context: Context,
): Promise<void> {
  const upload = await lockUpload(uploadId)
  if (upload !== undefined && isUnderWay(upload.state)) await end(upload, state, fault, context)
}

async function end(
  upload: WithTrack,
  state: 'rejected' | 'failed',
  fault: { code: string; message: string },
  context: Context,
): Promise<void> {
  // Keep the file of a failed upload, so that it can be retried without sending it again.
  const retryUntil = state === 'failed' ? new Date(context.now.getTime() + retryWindowMs) : null
  await updateUpload(
    upload,
    { state: advance(upload.state, state), step: null, fault, retryUntil, ...noLease },
    context,
  )
  const track = await lockTrackOf(upload)
  if (track.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
  if (retryUntil === null) await forgetIncoming(upload, context)
  await forgetVersion(upload, context)
}

/** Releases the lease without counting the attempt: the worker is shutting down. */
export async function handBack(uploadId: string): Promise<void> {
  const upload = await lockProcessing(uploadId)
  await upload.update({ ...noLease, attempts: Math.max(0, upload.attempts - 1) })
}

/** Cleans up after a run that lost its lease. Objects it stored are left to the next run, if there is one. */
export async function stepAside({ id, trackId }: WithTrack, run: string, context: JobContext): Promise<void> {
  const upload = await Upload.findByPk(id)
  if (upload === null || upload.state === 'aborted' || upload.state === 'rejected')
    await context.world.storage.removeUnder(versionPrefix(trackId, id))
  // Clear the lease last: while it is set, the maintenance job looks for objects that this run stored.
  await context.transact(async () => {
    await Upload.update(noLease, { where: { id, leaseBy: run } })
  })
}

/** The title from the tags, unless the artist has set one before or since. */
function suggestedTitle(upload: Upload, track: Track, { title }: Record<string, string>) {
  const isNew = !upload.replacesAudio && track.audioKey === null
  const isUnchanged = isNew && upload.title === null && track.title === provisionalTitle(upload.fileName)
  return isUnchanged && title !== undefined ? { title } : {}
}

async function updateUpload(
  upload: Upload,
  changes: Partial<Pick<Upload, 'state' | 'step' | 'progress' | 'fault' | 'retryUntil' | 'leaseBy' | 'leaseUntil'>>,
  { emit }: Context,
): Promise<void> {
  await upload.update(changes)
  await emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
}

async function lockProcessing(uploadId: string): Promise<WithTrack> {
  const upload = await lockUpload(uploadId)
  if (upload?.state !== 'processing') throw new Overtaken()
  return upload
}

async function lockUpload(uploadId: string): Promise<WithTrack | undefined> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  return upload !== null && isWithTrack(upload) ? upload : undefined
}

const isWithTrack = (upload: Upload): upload is WithTrack => upload.trackId !== null

/** @throws LeaseLost */
async function lockTrackOf({ trackId }: WithTrack): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) throw new Overtaken()
  return track
}
