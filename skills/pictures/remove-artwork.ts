import { operation } from '../../kernel/operation'
import { done, id, isDone, shape } from '../../kernel/schema'
import { mayRemoveTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { takeDown } from './take-down'

export const removeArtwork = operation({
  name: 'pictures.removeArtwork',
  route: 'DELETE /tracks/:trackId/artwork',
  summary:
    'Show no artwork on a track any more, nor one that is being worked on: for its artist and for moderators. Doing so again changes nothing.',
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
