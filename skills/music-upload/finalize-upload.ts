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
  summary: 'Finalize an upload after sending its file',
  description: 'Creates the track, or keeps it when the upload replaces audio, and starts processing.',
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
      // When a concurrent call finalized the upload, its file may already be processed and deleted.
      if ((await ownUpload(uploadId, context)).state !== 'initiated') return null
      throw error
    }
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, asked: sent }, context) {
    refuseUnwanted(upload, context.now)
    // Of concurrent calls the first claims the upload; the others find it claimed.
    if (upload.state === 'initiated') await claim(upload, sent, context)
    return viewUpload(upload)
  },
})

/** Pins the upload to these bytes: the audio that is served is copied from this ETag. */
async function claim(upload: Upload, sent: Sent | null, context: Context): Promise<void> {
  // A new multipart upload was opened meanwhile and may overwrite the object that was found.
  if (sent?.multipartId !== upload.multipartId) throw changedMeanwhile()
  const track = await trackFor(upload, context)
  const { etag, leavesParts, multipartId } = sent
  await upload.update({ state: advance(upload.state, 'uploaded'), etag, trackId: track.id })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  if (leavesParts && multipartId !== null)
    await context.enqueue(dropParts, { key: incomingKey(upload.id), multipartId })
  await enqueueProcessing(upload.id, context)
}

/** Creates the track, unless the upload replaces the audio of one. */
async function trackFor(upload: Upload, context: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return takeTurn(upload.trackId, context)
  const { now } = context
  const { ownerId, description, genre, visibility, releaseAt, isDownloadable } = upload
  const track = await Track.create({
    ...{ id: newId(now), ownerId, description, genre, visibility, isDownloadable, createdAt: now },
    ...planRelease(newTrack(visibility), { releaseAt }, now),
    title: upload.title ?? provisionalTitle(upload.fileName),
    state: 'processing',
  })
  await scheduleRelease(track, context)
  return track
}

const newTrack = (visibility: Upload['visibility']) => ({
  ...{ visibility, releaseAs: null, releaseAt: null, publishedAt: null, state: 'processing' as const },
})
