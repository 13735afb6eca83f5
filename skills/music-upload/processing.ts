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

/** Takes the upload into work, again after an attempt that failed; undefined when there is nothing left to do. */
export async function begin(uploadId: string, run: string, context: Context): Promise<WithTrack | undefined> {
  const upload = await lockUpload(uploadId)
  if (upload === undefined) return undefined
  if (!isUnderWay(upload.state)) {
    // An earlier attempt may have stored audio before it was overtaken.
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
  await change(upload, { state, step: 'fetching', progress: 5 }, context)
  return upload
}

/** @throws Overtaken */
export async function reach(
  uploadId: string,
  step: Exclude<Upload['step'], null>,
  progress: number,
  context: Context,
): Promise<void> {
  await change(await stillWanted(uploadId), { step, progress }, context)
}

/**
 * Everything at once: the track is ready, its waveform is there, the artist and the world are told. Where it replaces the
 * audio of a track, that plays from now on what it was given; whoever has a grant hears the old to its end.
 */
export async function finish(uploadId: string, understood: Understood, context: Context): Promise<void> {
  const upload = await stillWanted(uploadId)
  const track = await trackOf(upload)
  const { key, facts, durationMs } = understood
  const { bitrate, sampleRate, channels, tags } = facts
  await forgetReplaced(track, context)
  await keepWhatWasHeard({ trackId: track.id, uploadId }, understood, context)
  await change(upload, { state: advance(upload.state, 'ready'), step: null, progress: 100, ...noLease }, context)
  await changeTrack(
    track,
    {
      ...{ state: 'ready', audioKey: key, audioVersion: upload.id, contentType: facts.format.contentType, durationMs },
      ...{ bitrate, sampleRate, channels, tags },
      ...suggestedTitle(upload, track, tags),
    },
    context,
  )
  // Its artist allowed downloads while it was worked on.
  if (track.isDownloadable && understood.download.downloadOf === null) await enqueueCopy(track.id, context)
  await forgetIncoming(upload, context)
}

/** The end of an upload that brings no audio. A track that has other audio keeps it. */
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
  // Not the file's fault: it is kept, so that it need not be sent anew.
  const retryUntil = state === 'failed' ? new Date(context.now.getTime() + retryWindowMs) : null
  await change(upload, { state: advance(upload.state, state), step: null, fault, retryUntil, ...noLease }, context)
  const track = await trackOf(upload)
  if (track.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
  if (retryUntil === null) await forgetIncoming(upload, context)
  await forgetVersion(upload, context)
}

/** An upload whose worker is gone or going, through no fault of either. */
export async function handBack(uploadId: string): Promise<void> {
  const upload = await stillWanted(uploadId)
  await upload.update({ ...noLease, attempts: Math.max(0, upload.attempts - 1) })
}

/** A run that was overtaken leaves nothing behind; what it stored is left to the next one, if there is any. */
export async function stepAside({ id, trackId }: WithTrack, run: string, context: JobContext): Promise<void> {
  const upload = await Upload.findByPk(id)
  if (upload === null || upload.state === 'aborted' || upload.state === 'rejected')
    await context.world.storage.removeUnder(versionPrefix(trackId, id))
  // Last: as long as it stands, what this run may have stored is looked for.
  await context.transact(async () => {
    await Upload.update(noLease, { where: { id, leaseBy: run } })
  })
}

/** Tags fill in a title where the artist gave none, neither before nor since. */
function suggestedTitle(upload: Upload, track: Track, { title }: Record<string, string>) {
  const isNew = !upload.replacesAudio && track.audioKey === null
  const isUntouched = isNew && upload.title === null && track.title === provisionalTitle(upload.fileName)
  return isUntouched && title !== undefined ? { title } : {}
}

async function change(
  upload: Upload,
  changes: Partial<Pick<Upload, 'state' | 'step' | 'progress' | 'fault' | 'retryUntil' | 'leaseBy' | 'leaseUntil'>>,
  { emit }: Context,
): Promise<void> {
  await upload.update(changes)
  await emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
}

async function stillWanted(uploadId: string): Promise<WithTrack> {
  const upload = await lockUpload(uploadId)
  if (upload?.state !== 'processing') throw new Overtaken()
  return upload
}

async function lockUpload(uploadId: string): Promise<WithTrack | undefined> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  return upload !== null && hasTrack(upload) ? upload : undefined
}

const hasTrack = (upload: Upload): upload is WithTrack => upload.trackId !== null

/** @throws Overtaken */
async function trackOf({ trackId }: WithTrack): Promise<Track> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) throw new Overtaken()
  return track
}
