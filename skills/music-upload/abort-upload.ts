import { Op } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Upload } from '../../models'
import { lockTrack } from '../tracks/views'
import { trackUploadAborted, uploadChanged } from './events'
import { uploadClosed } from './refusals'
import { transition, isFinal, isInProgress, clearedProgress } from './rules'
import { uploadView, viewUpload } from './views'

export const abortUpload = operation({
  name: 'music-upload.abortUpload',
  route: 'DELETE /uploads/:uploadId',
  summary: 'Abort an upload',
  description:
    'Deletes the sent file and the track made for it, also while it is being processed. A track whose audio it was ' +
    'to replace stays, and so does a track that has other audio, or another upload for it.',
  auth: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [uploadClosed],

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    if (upload.state === 'aborted') return viewUpload(upload)
    if (isFinal(upload.state)) throw uploadClosed()
    const wasInProgress = isInProgress(upload.state)
    await upload.update({ state: transition(upload.state, 'aborted'), ...clearedProgress })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await deleteIncoming(upload, context)
    await emitAborted(upload, wasInProgress, context)
    return viewUpload(upload)
  },
})

/** The track is deleted, too, unless it has other audio or another upload will bring some. */
async function emitAborted(upload: Upload, wasInProgress: boolean, context: Context): Promise<void> {
  const { id: uploadId, trackId, replacesAudio } = upload
  if (trackId === null) return
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null) return
  const deletesTrack = !replacesAudio && track.state !== 'ready' && !(await hasOtherUpload(trackId, context))
  await context.emit(trackUploadAborted, { uploadId, trackId, wasInProgress, deletesTrack })
}

/** The caller holds the lock of the track, so that no upload for it is initiated or claimed meanwhile. */
async function hasOtherUpload(trackId: string, { now }: Pick<Context, 'now'>): Promise<boolean> {
  const states = [
    { state: 'initiated', expiresAt: { [Op.gt]: now } },
    { state: ['uploaded', 'processing'] },
    { state: 'failed', retryUntil: { [Op.gt]: now } },
  ]
  return (await Upload.count({ where: { trackId, [Op.or]: states } })) > 0
}
