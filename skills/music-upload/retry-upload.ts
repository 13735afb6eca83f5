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
  summary:
    'Try an upload again that failed through no fault of its file, without sending it anew: the file is kept for 7 days. ' +
    'One that was rejected stays so. Asking again while it is worked on changes nothing.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 30 },
  idempotency: 'natural',
  status: 202,
  refuses: [objectMissing, uploadRejected, retryOver, uploadOver, uploadAborted, uploadExpired, replacementPending],

  /** Whether its file is there; undefined when that does not matter. */
  async ask({ uploadId }, context) {
    const upload = await ownUpload(uploadId, context)
    if (upload.state !== 'failed') return undefined
    return (await context.world.storage.head(incomingKey(upload.id))) !== undefined
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload, asked: isFileThere }, context) {
    refuseUnwanted(upload, context.now)
    if (isUnderWay(upload.state)) return viewUpload(upload)
    if (upload.state === 'initiated') throw objectMissing()
    if (upload.state === 'rejected') throw uploadRejected(upload.fault?.message)
    if (upload.state === 'ready') throw uploadOver()
    if (upload.retryUntil === null || upload.retryUntil <= context.now || isFileThere === false) throw retryOver()
    if (isFileThere === undefined) throw changedMeanwhile()
    await tryAgain(upload, context)
    return viewUpload(upload)
  },
})

/** From the start, as if it had just been sent: with all its attempts, and its track back in the making. */
async function tryAgain(upload: Upload, context: Context): Promise<void> {
  if (upload.trackId === null) throw new Error('an upload fails after it got a track')
  await takeTurn(upload.trackId, context)
  const state = advance(upload.state, 'uploaded')
  await upload.update({ state, step: null, progress: 0, fault: null, attempts: 0, retryUntil: null })
  await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await enqueueProcessing(upload.id, context)
}
