import { Op } from 'sequelize'
import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { Upload } from '../../models'
import { lockTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { uploadChanged } from './events'
import { ownUpload } from './own-upload'
import { forgetIncoming, forgetVersion } from './places'
import { uploadOver } from './refusals'
import { withdrawTrack } from './withdraw-track'
import { advance, isFinal, isUnderWay, nothingMore } from './upload-state'
import { uploadView, viewUpload } from './views'

export const abortUpload = operation({
  name: 'music-upload.abortUpload',
  route: 'DELETE /uploads/:uploadId',
  summary: 'Abort an upload',
  description:
    'Deletes the sent file and the track made for it, also while it is being processed. A track whose audio it was ' +
    'to replace stays, and so does a track that has other audio, or another upload for it.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [uploadOver],

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    if (upload.state === 'aborted') return viewUpload(upload)
    if (isFinal(upload.state)) throw uploadOver()
    const wasUnderWay = isUnderWay(upload.state)
    await upload.update({ state: advance(upload.state, 'aborted'), ...nothingMore })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await forgetIncoming(upload, context)
    await cleanUpTrack(upload, wasUnderWay, context)
    return viewUpload(upload)
  },
})

/** Deletes the track, too, unless it has other audio or another upload will bring some. */
async function cleanUpTrack(upload: Upload, wasUnderWay: boolean, context: Context): Promise<void> {
  const { id, trackId, replacesAudio } = upload
  if (trackId === null) return
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) return
  if (!replacesAudio && track.state !== 'ready' && !(await hasOtherUpload(trackId, context)))
    return withdrawTrack(trackId, context)
  await forgetVersion({ id, trackId }, context)
  if (wasUnderWay && track.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
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
