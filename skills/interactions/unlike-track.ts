import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceToLeave } from './stance'
import { stanceView } from './views'

export const unlikeTrack = operation({
  name: 'interactions.unlikeTrack',
  route: 'DELETE /tracks/:trackId/like',
  summary: 'Unlike a track',
  description: 'Works for a track that you liked even if you can no longer see it.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceToLeave(trackId, 'liked', context),

  allow: () => true,

  run: ({ subject: before }, context) => act('likes', -1, before, context),
})
