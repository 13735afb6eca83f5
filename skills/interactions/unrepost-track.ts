import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceToLeave } from './stance'
import { stanceView } from './views'

export const unrepostTrack = operation({
  name: 'interactions.unrepostTrack',
  route: 'DELETE /tracks/:trackId/repost',
  summary: 'Remove your repost of a track',
  description: 'Works for a track that you reposted even if you can no longer see it.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceToLeave(trackId, 'reposted', context),

  allow: () => true,

  run: ({ subject: before }, context) => act('reposts', -1, before, context),
})
