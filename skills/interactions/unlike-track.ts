import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceToLeave } from './stance'
import { stanceView } from './views'

export const unlikeTrack = operation({
  name: 'interactions.unlikeTrack',
  route: 'DELETE /tracks/:trackId/like',
  summary: 'Like a track no longer. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceToLeave(trackId, 'liked', context),

  allow: () => true,

  run: ({ subject: stance }, context) => act('likes', -1, stance, context),
})
