import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { mayEditTrack } from '../tracks/rules'
import { loadVisibleTrack } from '../tracks/views'
import { createUpload, lockPendingUploads, fileFields } from './create-upload'
import { quotaExceeded, tooManyUploads } from './refusals'
import { sendingFields, uploadView, viewUpload } from './views'

export const replaceAudio = operation({
  name: 'music-upload.replaceAudio',
  route: 'POST /tracks/:trackId/audio',
  summary: 'Replace the audio of a track',
  description:
    'Starts an upload; send and finalize it like any other. The old audio plays until the new one is ready. A track ' +
    'whose upload failed becomes ready with it. Title, counts, comments and id stay.',
  auth: 'signed-in',
  input: shape({ trackId: id, ...fileFields }),
  output: shape({ upload: uploadView, ...sendingFields }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyUploads, quotaExceeded],

  async load({ trackId }, context) {
    // Lock order: the uploader's profile before the track.
    const pending = await lockPendingUploads(context)
    return { pending, track: await loadVisibleTrack(trackId, context, { lock: true }) }
  },

  allow: (actor, { track }) => mayEditTrack(actor, track),

  async run({ input: { trackId, ...file }, subject: { pending } }, context) {
    const { upload, putRequest, parts } = await createUpload(
      { ...file, trackId, replacesAudio: true },
      pending,
      context,
    )
    return { upload: viewUpload(upload), putRequest, parts }
  },
})
