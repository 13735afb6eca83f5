import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { type Upload } from '../../models'
import { uploadChanged } from './events'
import { ownUpload } from './own-upload'
import { forgetIncoming, forgetVersion } from './places'
import { uploadOver } from './refusals'
import { withdrawTrack } from './withdraw-track'
import { advance, isFinal, nothingMore } from './upload-state'
import { uploadView, viewUpload } from './views'

export const abortUpload = operation({
  name: 'music-upload.abortUpload',
  route: 'DELETE /uploads/:uploadId',
  summary:
    'Give an upload up, also while it is worked on: its file and its track go. A track whose audio it was to replace stays as it ' +
    'was. Doing so again changes nothing.',
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
    await upload.update({ state: advance(upload.state, 'aborted'), ...nothingMore })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await forgetIncoming(upload, context)
    await forgetWhatItMade(upload, context)
    return viewUpload(upload)
  },
})

async function forgetWhatItMade({ id, trackId, replacesAudio }: Upload, context: Context): Promise<void> {
  if (trackId === null) return
  if (replacesAudio) await forgetVersion({ id, trackId }, context)
  else await withdrawTrack(trackId, context)
}
