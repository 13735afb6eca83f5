import { type Context } from '../../kernel/pipeline/context'
import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { fileMissing, incomingKey } from '../../kernel/platform/incoming-files'
import { Upload } from '../../models'
import { claimTrack } from './claim-track'
import { uploadChanged, uploadQueued } from './events'
import {
  changedConcurrently,
  refuseClosedUpload,
  replacementPending,
  retryExpired,
  uploadAborted,
  uploadExpired,
  uploadClosed,
  uploadRejected,
} from './refusals'
import { transition, isInProgress } from './rules'
import { uploadView, viewUpload } from './views'

export const retryUpload = operation({
  name: 'music-upload.retryUpload',
  route: 'POST /uploads/:uploadId/retry',
  summary: 'Retry a failed upload',
  description:
    'Processes the sent file again. Files of failed uploads are kept for 7 days. A rejected upload cannot be retried.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 30 },
  idempotency: 'natural',
  status: 202,
  refuses: [fileMissing, uploadRejected, retryExpired, uploadClosed, uploadAborted, uploadExpired, replacementPending],

  /** Whether the file still exists; undefined when the upload has not failed. */
  async beforeTransaction({ uploadId }, context) {
    const upload = await loadOwnRow(Upload, uploadId, context)
    if (upload.state !== 'failed') return undefined
    return (await context.app.storage.head(incomingKey(upload.id))) !== undefined
  },

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, prepared: fileExists }, context) {
    refuseClosedUpload(upload, context.now)
    if (isInProgress(upload.state)) return viewUpload(upload)
    if (upload.state === 'initiated') throw fileMissing()
    if (upload.state === 'rejected') throw uploadRejected(upload.error?.message)
    if (upload.state === 'ready') throw uploadClosed()
    if (upload.retryUntil === null || upload.retryUntil <= context.now || fileExists === false) throw retryExpired()
    if (fileExists === undefined) throw changedConcurrently()
    await restart(upload, context)
    return viewUpload(upload)
  },
})

/** Restarts the upload with all its attempts; its track is processing again. */
async function restart(upload: Upload, context: Context): Promise<void> {
  if (upload.trackId === null) throw new Error('a failed upload without a track')
  await claimTrack(upload.trackId)
  const state = transition(upload.state, 'uploaded')
  await upload.update({ state, step: null, progress: 0, error: null, attempts: 0, retryUntil: null })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await context.emit(uploadQueued, { uploadId: upload.id, trackId: upload.trackId, isNewTrack: false })
}
