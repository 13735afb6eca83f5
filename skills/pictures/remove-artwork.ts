import { operation } from '../../kernel/pipeline/operation'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { mayDeleteTrack } from '../tracks/rules'
import { loadVisibleTrack } from '../tracks/views'
import { clearPictures } from './clear-pictures'

export const removeArtwork = operation({
  name: 'pictures.removeArtwork',
  route: 'DELETE /tracks/:trackId/artwork',
  summary: 'Remove the artwork of a track',
  description: 'Also removes one that is being processed. For its artist and moderators.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => loadVisibleTrack(trackId, context, { lock: true }),

  allow: mayDeleteTrack,

  async run({ subject: track }, context) {
    await clearPictures({ track }, context)
    return doneAnswer
  },
})
