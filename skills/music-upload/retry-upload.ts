import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { type Upload } from '../../models'
import { uploadChanged } from './events'
import { loadOwnUpload, refuseClosed } from './load-own-upload'
import { incomingKey } from './object-keys'
import { enqueueProcessing } from '../music-processing/process-upload'
import {
  changedConcurrently,
  fileMissing,
  replacementPending,
  retryExpired,
  uploadAborted,
  uploadExpired,
  uploadClosed,
  uploadRejected,
} from './refusals'
import { claimTrack } from './claim-track'
import { transition, isInProgress } from './upload-state'
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
    const upload = await loadOwnUpload(uploadId, context)
    if (upload.state !== 'failed') return undefined
    return (await context.app.storage.head(incomingKey(upload.id))) !== undefined
  },

  load: ({ uploadId }, context) => loadOwnUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, prepared: fileExists }, context) {
    refuseClosed(upload, context.now)
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
  await claimTrack(upload.trackId, context)
  const state = transition(upload.state, 'uploaded')
  await upload.update({ state, step: null, progress: 0, error: null, attempts: 0, retryUntil: null })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await enqueueProcessing(upload.id, context)
}
