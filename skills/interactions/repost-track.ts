import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { isListed } from '../streaming/rules'
import { act } from './act'
import { notPublic, ownTrack } from './refusals'
import { stanceBefore } from './stance'
import { stanceView } from './views'

export const repostTrack = operation({
  name: 'interactions.repostTrack',
  route: 'PUT /tracks/:trackId/repost',
  summary:
    "Pass somebody else's public track on to your followers. Doing so again changes nothing. The answer counts it; what " +
    'others read follows within 200 milliseconds.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [ownTrack, notPublic],

  async load({ trackId }, context) {
    const stance = await stanceBefore(trackId, context)
    if (stance.track.ownerId === context.actor.id) throw ownTrack()
    if (!isListed(stance.track)) throw notPublic()
    return stance
  },

  allow: () => true,

  run: ({ subject: stance }, context) => act('reposts', 1, stance, context),
})
