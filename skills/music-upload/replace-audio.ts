import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { mayEditTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { announceUpload, pendingUploads, fileFields } from './announce-upload'
import { quotaExceeded, tooManyUploads } from './refusals'
import { sendingFields, uploadView, viewUpload } from './views'

export const replaceAudio = operation({
  name: 'music-upload.replaceAudio',
  route: 'POST /tracks/:trackId/audio',
  summary:
    'Announce new audio for a track of yours: send and finalize it like any upload, one after the other. The old audio plays until ' +
    'the new is ready, and a track without, since its upload failed, becomes ready by it; title, counts, comments and address stay.',
  who: 'signed-in',
  input: shape({ trackId: id, ...fileFields }),
  output: shape({ upload: uploadView, ...sendingFields }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyUploads, quotaExceeded],

  async load({ trackId }, context) {
    // Before the track: who announces an upload is locked first, everywhere.
    const pending = await pendingUploads(context)
    return { pending, track: await visibleTrack(trackId, context, { lock: true }) }
  },

  allow: (actor, { track }) => mayEditTrack(actor, track),

  async run({ input: { trackId, ...file }, subject: { pending } }, context) {
    const { upload, put, parts } = await announceUpload({ ...file, trackId, replacesAudio: true }, pending, context)
    return { upload: viewUpload(upload), put, parts }
  },
})
