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
  summary: 'Repost a track',
  description:
    "Shares another user's public track in your followers' feeds. The response includes your repost in the count. Other readers " +
    'see the new count within 200 ms.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [ownTrack, notPublic],

  async load({ trackId }, context) {
    const before = await stanceBefore(trackId, context)
    if (before.track.ownerId === context.actor.id) throw ownTrack()
    if (!isListed(before.track)) throw notPublic()
    return before
  },

  allow: () => true,

  run: ({ subject: before }, context) => act('reposts', 1, before, context),
})
