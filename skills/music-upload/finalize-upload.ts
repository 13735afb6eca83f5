import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { newId } from '../../kernel/pipeline/new-id'
import { id, shape } from '../../kernel/pipeline/schema'
import { Track, type Upload } from '../../models'
import { abortMultipart } from './abort-multipart'
import { uploadChanged } from './events'
import { findSentFile, type SentFile } from './find-sent-file'
import { loadOwnUpload, refuseClosed } from './load-own-upload'
import { incomingKey } from './object-keys'
import { planRelease } from '../tracks/plan-release'
import { enqueueProcessing } from '../music-processing/process-upload'
import { defaultTitle } from '../tracks/default-title'
import {
  changedConcurrently,
  fileMismatch,
  fileMissing,
  replacementPending,
  uploadAborted,
  uploadExpired,
} from './refusals'
import { scheduleRelease } from '../tracks/release-track'
import { claimTrack } from './claim-track'
import { transition } from './upload-state'
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
    const upload = await loadOwnUpload(uploadId, context)
    refuseClosed(upload, context.now)
    if (upload.state !== 'initiated') return null
    try {
      return await findSentFile(upload, context)
    } catch (error) {
      // When a concurrent call finalized the upload, its file may already be processed and deleted.
      if ((await loadOwnUpload(uploadId, context)).state !== 'initiated') return null
      throw error
    }
  },

  load: ({ uploadId }, context) => loadOwnUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, prepared: sent }, context) {
    refuseClosed(upload, context.now)
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
  await enqueueProcessing(upload.id, context)
}

/** Creates the track, unless the upload replaces the audio of one. */
async function trackFor(upload: Upload, context: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return claimTrack(upload.trackId, context)
  const { now } = context
  const { ownerId, description, genre, visibility, releaseAt, isDownloadable } = upload
  const track = await Track.create({
    ...{ id: newId(now), ownerId, description, genre, visibility, isDownloadable, createdAt: now },
    ...planRelease(newTrack(visibility), { releaseAt }, now),
    title: upload.title ?? defaultTitle(upload.fileName),
    state: 'processing',
  })
  await scheduleRelease(track, context)
  return track
}

const newTrack = (visibility: Upload['visibility']) => ({
  ...{ visibility, releaseVisibility: null, releaseAt: null, publishedAt: null, state: 'processing' as const },
})
