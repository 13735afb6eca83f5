import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceBefore } from './stance'
import { stanceView } from './views'

export const likeTrack = operation({
  name: 'interactions.likeTrack',
  route: 'PUT /tracks/:trackId/like',
  summary: 'Like a track',
  description: 'The response includes your like in the count. Other readers see the new count within 200 ms.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceBefore(trackId, context),

  allow: () => true,

  run: ({ subject: before }, context) => act('likes', 1, before, context),
})
