import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { act } from './act'
import { stanceToLeave } from './stance'
import { stanceView } from './views'

export const unrepostTrack = operation({
  name: 'interactions.unrepostTrack',
  route: 'DELETE /tracks/:trackId/repost',
  summary: 'Take a repost back. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => stanceToLeave(trackId, 'reposted', context),

  allow: () => true,

  run: ({ subject: stance }, context) => act('reposts', -1, stance, context),
})
