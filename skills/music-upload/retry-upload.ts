import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { type Upload } from '../../models'
import { uploadChanged } from './events'
import { ownUpload, refuseUnwanted } from './own-upload'
import { incomingKey } from './places'
import { enqueueProcessing } from './process-track'
import {
  changedMeanwhile,
  objectMissing,
  replacementPending,
  retryOver,
  uploadAborted,
  uploadExpired,
  uploadOver,
  uploadRejected,
} from './refusals'
import { takeTurn } from './take-turn'
import { advance, isUnderWay } from './upload-state'
import { uploadView, viewUpload } from './views'

export const retryUpload = operation({
  name: 'music-upload.retryUpload',
  route: 'POST /uploads/:uploadId/retry',
  summary: 'Retry a failed upload',
  description:
    'Processes the sent file again. Files of failed uploads are kept for 7 days. A rejected upload cannot be retried.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 30 },
  idempotency: 'natural',
  status: 202,
  refuses: [objectMissing, uploadRejected, retryOver, uploadOver, uploadAborted, uploadExpired, replacementPending],

  /** Whether the file still exists; undefined when the upload has not failed. */
  async ask({ uploadId }, context) {
    const upload = await ownUpload(uploadId, context)
    if (upload.state !== 'failed') return undefined
    return (await context.world.storage.head(incomingKey(upload.id))) !== undefined
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, asked: fileExists }, context) {
    refuseUnwanted(upload, context.now)
    if (isUnderWay(upload.state)) return viewUpload(upload)
    if (upload.state === 'initiated') throw objectMissing()
    if (upload.state === 'rejected') throw uploadRejected(upload.fault?.message)
    if (upload.state === 'ready') throw uploadOver()
    if (upload.retryUntil === null || upload.retryUntil <= context.now || fileExists === false) throw retryOver()
    if (fileExists === undefined) throw changedMeanwhile()
    await restart(upload, context)
    return viewUpload(upload)
  },
})

/** Restarts the upload with all its attempts; its track is processing again. */
async function restart(upload: Upload, context: Context): Promise<void> {
  if (upload.trackId === null) throw new Error('a failed upload without a track')
  await takeTurn(upload.trackId, context)
  const state = advance(upload.state, 'uploaded')
  await upload.update({ state, step: null, progress: 0, fault: null, attempts: 0, retryUntil: null })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await enqueueProcessing(upload.id, context)
}
