import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { newId } from '../../kernel/ids'
import { id, shape } from '../../kernel/schema'
import { Track, type Upload } from '../../models'
import { dropParts } from './drop-parts'
import { uploadChanged } from './events'
import { findSent, type Sent } from './find-sent'
import { ownUpload, refuseUnwanted } from './own-upload'
import { incomingKey } from './places'
import { planRelease } from './plan-release'
import { enqueueProcessing } from './process-track'
import { provisionalTitle } from './provisional-title'
import {
  changedMeanwhile,
  objectMismatch,
  objectMissing,
  replacementPending,
  uploadAborted,
  uploadExpired,
} from './refusals'
import { scheduleRelease } from './release-track'
import { takeTurn } from './take-turn'
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

  async ask({ uploadId }, context) {
    const upload = await ownUpload(uploadId, context)
    refuseUnwanted(upload, context.now)
    if (upload.state !== 'initiated') return null
    try {
      return await findSent(upload, context)
    } catch (error) {
      // The file of an upload that somebody else finalized meanwhile may be worked on, and gone.
      if ((await ownUpload(uploadId, context)).state !== 'initiated') return null
      throw error
    }
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, asked: sent }, context) {
    refuseUnwanted(upload, context.now)
    // Of many that say so at once the first takes it over; the others find that done.
    if (upload.state === 'initiated') await takeOver(upload, sent, context)
    return viewUpload(upload)
  },
})

/** From here on the upload stands for these very bytes: the copy that is served is made of the ETag seen then. */
async function takeOver(upload: Upload, sent: Sent | null, context: Context): Promise<void> {
  // Sent anew under another name meanwhile: what was found may be overwritten by that.
  if (sent?.multipartId !== upload.multipartId) throw changedMeanwhile()
  const track = await trackFor(upload, context)
  const { etag, leavesParts, multipartId } = sent
  await upload.update({ state: advance(upload.state, 'uploaded'), etag, trackId: track.id })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  if (leavesParts && multipartId !== null)
    await context.enqueue(dropParts, { key: incomingKey(upload.id), multipartId })
  await enqueueProcessing(upload.id, context)
}

/** A new one, unless the upload brings new audio for one that is there. */
async function trackFor(upload: Upload, context: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return takeTurn(upload.trackId, context)
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
