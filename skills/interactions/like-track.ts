import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceBefore } from './stance'
import { stanceView } from './views'

export const likeTrack = operation({
  name: 'interactions.likeTrack',
  route: 'PUT /tracks/:trackId/like',
  summary:
    'Like a track. Liking it again changes nothing. The answer counts it; what others read follows within 200 milliseconds.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceBefore(trackId, context),

  allow: () => true,

  run: ({ subject: stance }, context) => act('likes', 1, stance, context),
})
