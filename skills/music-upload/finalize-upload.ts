import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { newId } from '../../kernel/pipeline/new-id'
import { id, shape } from '../../kernel/pipeline/schema'
import { abortMultipart } from '../../kernel/platform/delete-objects'
import { fileMismatch, fileMissing, incomingKey } from '../../kernel/platform/incoming-files'
import { Track, Upload } from '../../models'
import { defaultTitle, planRelease } from '../tracks/rules'
import { claimTrack } from './claim-track'
import { uploadChanged, uploadQueued } from './events'
import { findSentFile, type SentFile } from './find-sent-file'
import { changedConcurrently, refuseClosedUpload, replacementPending, uploadAborted, uploadExpired } from './refusals'
import { transition } from './rules'
import { uploadView, viewUpload } from './views'

export const finalizeUpload = operation({
  name: 'music-upload.finalizeUpload',
  route: 'POST /uploads/:uploadId/finalize',
  summary: 'Finalize an upload after sending its file',
  description: 'Creates the track, or keeps it when the upload replaces audio, and starts processing.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  status: 202,
  refuses: [fileMissing, fileMismatch, uploadAborted, uploadExpired, replacementPending],

  async beforeTransaction({ uploadId }, context) {
    const upload = await loadOwnRow(Upload, uploadId, context)
    refuseClosedUpload(upload, context.now)
    if (upload.state !== 'initiated') return null
    try {
      return await findSentFile(upload, context)
    } catch (error) {
      // When a concurrent call finalized the upload, its file may already be processed and deleted.
      if ((await loadOwnRow(Upload, uploadId, context)).state !== 'initiated') return null
      throw error
    }
  },

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, prepared: sent }, context) {
    refuseClosedUpload(upload, context.now)
    // Of concurrent calls the first claims the upload; the others find it claimed.
    if (upload.state === 'initiated') await claim(upload, sent, context)
    return viewUpload(upload)
  },
})

/** Pins the upload to these bytes: the audio that is served is copied from this ETag. */
async function claim(upload: Upload, sent: SentFile | null, context: Context): Promise<void> {
  // A new multipart upload was opened meanwhile and may overwrite the object that was found.
  if (sent?.multipartId !== upload.multipartId) throw changedConcurrently()
  const track = await trackFor(upload, context)
  const { etag, hasLeftoverParts, multipartId } = sent
  await upload.update({ state: transition(upload.state, 'uploaded'), etag, trackId: track.id })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  if (hasLeftoverParts && multipartId !== null)
    await context.enqueue(abortMultipart, { key: incomingKey(upload.id), multipartId })
  await context.emit(uploadQueued, { uploadId: upload.id, trackId: track.id, isNewTrack: !upload.replacesAudio })
}

/** Creates the track, unless the upload replaces the audio of one. */
async function trackFor(upload: Upload, context: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return claimTrack(upload.trackId)
  const { now } = context
  const { ownerId, description, genre, visibility, releaseAt, isDownloadable } = upload
  // A reaction of tracks could not create it: the foreign key of the upload is checked at once.
  return Track.create({
    ...{ id: newId(now), ownerId, description, genre, visibility, isDownloadable, createdAt: now },
    ...planRelease(newTrack(visibility), { releaseAt }, now),
    title: upload.title ?? defaultTitle(upload.fileName),
    state: 'processing',
  })
}

const newTrack = (visibility: Upload['visibility']) => ({
  ...{ visibility, releaseVisibility: null, releaseAt: null, publishedAt: null, state: 'processing' as const },
})
