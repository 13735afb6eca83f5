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
  summary:
    'Give an upload up, also while it is worked on: its file and its track go. A track that it was to replace the audio of stays, ' +
    'and so does one for which other audio is there or announced. Doing so again changes nothing.',
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
    await forgetWhatItMade(upload, wasUnderWay, context)
    return viewUpload(upload)
  },
})

/** Its track too, when nothing else has brought that audio or is to bring it. */
async function forgetWhatItMade(upload: Upload, wasUnderWay: boolean, context: Context): Promise<void> {
  const { id, trackId, replacesAudio } = upload
  if (trackId === null) return
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null) return
  if (!replacesAudio && track.state !== 'ready' && !(await isAudioAwaited(trackId, context)))
    return withdrawTrack(trackId, context)
  await forgetVersion({ id, trackId }, context)
  if (wasUnderWay && track.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
}

/** Under the lock of the track no upload for it is announced or taken up. */
async function isAudioAwaited(trackId: string, { now }: Pick<Context, 'now'>): Promise<boolean> {
  const states = [
    { state: 'initiated', expiresAt: { [Op.gt]: now } },
    { state: ['uploaded', 'processing'] },
    { state: 'failed', retryUntil: { [Op.gt]: now } },
  ]
  return (await Upload.count({ where: { trackId, [Op.or]: states } })) > 0
}
