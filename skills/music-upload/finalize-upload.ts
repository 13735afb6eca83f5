import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { newId } from '../../kernel/ids'
import { id, shape } from '../../kernel/schema'
import { Track, type Upload } from '../../models'
import { completeParts } from './complete-parts'
import { uploadChanged } from './events'
import { ownUpload, refuseUnwanted } from './own-upload'
import { partPlan } from './part-plan'
import { incomingKey } from './places'
import { planRelease } from './plan-release'
import { hexToBase64 } from './presign'
import { enqueueProcessing } from './process-track'
import { provisionalTitle } from './provisional-title'
import { objectMismatch, objectMissing, replacementPending, uploadAborted, uploadExpired } from './refusals'
import { scheduleRelease } from './release-track'
import { refuseSecondReplacement } from './replacement'
import { advance } from './upload-state'
import { uploadView, viewUpload } from './views'

export const finalizeUpload = operation({
  name: 'music-upload.finalizeUpload',
  route: 'POST /uploads/:uploadId/finalize',
  summary: 'Say that the file was sent: its track is made, and a worker looks at it. Saying so again changes nothing.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  status: 202,
  refuses: [objectMissing, objectMismatch, uploadAborted, uploadExpired, replacementPending],

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    refuseUnwanted(upload, context.now)
    if (upload.state === 'initiated') await takeOver(upload, context)
    return viewUpload(upload)
  },
})

/** From here on the upload stands for these very bytes: the copy that is served is made of the ETag seen now. */
async function takeOver(upload: Upload, context: Context): Promise<void> {
  const plan = partPlan(upload)
  const etag = plan === undefined ? await lookAtPut(upload, context) : await completeParts(upload, plan, context)
  const track = await trackFor(upload, context)
  await upload.update({ state: advance(upload.state, 'uploaded'), etag, trackId: track.id })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await enqueueProcessing(upload.id, context)
}

/** A new one, unless the upload brings new audio for one that is there. */
async function trackFor(upload: Upload, context: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return refuseSecondReplacement(upload.trackId)
  const { now } = context
  const { ownerId, description, genre, visibility, releaseAt, isDownloadable } = upload
  const track = await Track.create({
    ...{ id: newId(now), ownerId, description, genre, visibility, isDownloadable, createdAt: now },
    ...planRelease(unborn(visibility), { releaseAt }, now),
    title: upload.title ?? provisionalTitle(upload.fileName),
    state: 'processing',
  })
  await scheduleRelease(track, context)
  return track
}

const unborn = (visibility: Upload['visibility']) => ({
  ...{ visibility, releaseAs: null, releaseAt: null, publishedAt: null, state: 'processing' as const },
})

/** A store that shows no checksum is believed for now: the worker hashes what it fetches. */
async function lookAtPut(upload: Upload, { world }: Context): Promise<string> {
  const found = await world.storage.head(incomingKey(upload.id))
  if (found === undefined) throw objectMissing()
  const { sizeBytes, sha256, etag } = found
  const isSame = sha256 === undefined || upload.sha256 === null || sha256 === hexToBase64(upload.sha256)
  if (!isSame || sizeBytes !== Number(upload.sizeBytes)) throw objectMismatch()
  return etag
}
