import { operation } from '../../kernel/operation'
import { done, id, isDone, shape } from '../../kernel/schema'
import { mayRemoveTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { takeDown } from './take-down'

export const removeArtwork = operation({
  name: 'pictures.removeArtwork',
  route: 'DELETE /tracks/:trackId/artwork',
  summary: 'Remove the artwork of a track',
  description: 'Also removes one that is being processed. For its artist and moderators.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => visibleTrack(trackId, context, { lock: true }),

  allow: mayRemoveTrack,

  async run({ subject: track }, context) {
    await takeDown({ track }, context)
    return isDone
  },
})
