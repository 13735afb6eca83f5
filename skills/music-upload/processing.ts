import { type Context } from '../../kernel/context'
import { type Job } from '../../kernel/job'
import { type Track, Upload } from '../../models'
import { lockTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { uploadChanged } from './events'
import { forgetAudio, forgetIncoming } from './places'
import { keepWhatWasHeard } from './keep-what-was-heard'
import { provisionalTitle } from './provisional-title'
import { type Understood } from './understand'
import { advance, isFinal } from './upload-state'
import { viewUpload } from './views'

/** The upload was aborted or its track removed while it was worked on. */
export class Overtaken extends Error {}

type WithTrack = Upload & { trackId: string }

/** Takes the upload into work, again after an attempt that failed; undefined when there is nothing left to do. */
export async function begin(uploadId: string, context: Context): Promise<WithTrack | undefined> {
  const upload = await lockUpload(uploadId)
  if (upload === undefined || isFinal(upload.state)) {
    // An earlier attempt may have stored audio before it was overtaken.
    if (upload?.state === 'aborted') await forgetAudio(upload.trackId, context)
    return undefined
  }
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

/** Everything at once: the track is ready, its waveform is there, the artist and the world are told. */
export async function finish(uploadId: string, understood: Understood, context: Context): Promise<void> {
  const upload = await stillWanted(uploadId)
  const track = await trackOf(upload)
  const { key, facts, durationMs } = understood
  const { bitrate, sampleRate, channels, tags } = facts
  await keepWhatWasHeard({ trackId: track.id, uploadId }, understood, context)
  await change(upload, { state: advance(upload.state, 'ready'), step: null, progress: 100 }, context)
  await changeTrack(
    track,
    {
      ...{ state: 'ready', audioKey: key, contentType: facts.format.contentType, durationMs },
      ...{ bitrate, sampleRate, channels, tags },
      ...suggestedTitle(upload, track, tags),
    },
    context,
  )
  await forgetIncoming(upload, context)
}

/** The end of an upload of which no track can be made. */
export async function giveUp(
  uploadId: string,
  state: 'rejected' | 'failed',
  fault: { code: string; message: string },
  context: Context,
): Promise<void> {
  const upload = await lockUpload(uploadId)
  if (upload === undefined || isFinal(upload.state)) return
  await change(upload, { state: advance(upload.state, state), step: null, fault }, context)
  await changeTrack(await trackOf(upload), { state: 'failed' }, context)
  await forgetIncoming(upload, context)
  await forgetAudio(upload.trackId, context)
}

/** The worker was told to stop: another one begins anew, and the attempt does not count. */
export const handOver = (
  job: Job<{ uploadId: string }>,
  uploadId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> => enqueue(job, { uploadId }, { key: `process:${uploadId}` })

/** Tags fill in a title where the artist gave none, neither before nor since. */
function suggestedTitle(upload: Upload, track: Track, { title }: Record<string, string>) {
  const isUntouched = upload.title === null && track.title === provisionalTitle(upload.fileName)
  return isUntouched && title !== undefined ? { title } : {}
}

async function change(
  upload: Upload,
  changes: Partial<Pick<Upload, 'state' | 'step' | 'progress' | 'fault'>>,
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
