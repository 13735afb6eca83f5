import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { isListed } from '../tracks/rules'
import { setReaction } from './set-reaction'
import { notPublic, ownTrack } from './refusals'
import { loadReactionToAdd } from './viewer-reaction'
import { viewerReactionView } from './views'

export const repostTrack = operation({
  name: 'interactions.repostTrack',
  route: 'PUT /tracks/:trackId/repost',
  summary: 'Repost a track',
  description:
    "Shares another user's public track in your followers' feeds. The response includes your repost in the count. Other readers " +
    'see the new count within 200 ms.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: viewerReactionView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [ownTrack, notPublic],

  async load({ trackId }, context) {
    const before = await loadReactionToAdd(trackId, context)
    if (before.track.ownerId === context.actor.id) throw ownTrack()
    if (!isListed(before.track)) throw notPublic()
    return before
  },

  allow: () => true,

  run: ({ subject: before }, context) => setReaction('repost', true, before, context),
})
