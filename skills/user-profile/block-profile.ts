import { operation } from '../../kernel/pipeline/operation'
import { insertIfAbsent } from '../../kernel/platform/insert-if-absent'
import { id, shape } from '../../kernel/pipeline/schema'
import { Block } from '../../models'
import { profileBlocked } from './events'
import { deleteFollow, lockProfilePair } from './profile-pair'
import { blockStatusView, profileCountsOf, summarizeProfile } from './views'

export const blockProfile = operation({
  name: 'user-profile.blockProfile',
  route: 'PUT /profiles/:profileId/block',
  summary: 'Block a user',
  description: 'Ends the follows between you and the user, in both directions. The user is not notified.',
  auth: 'signed-in',
  input: shape({ profileId: id }),
  output: blockStatusView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  // No check for a block by the other side: the caller must be able to block somebody who has blocked them.
  load: ({ profileId }, context) => lockProfilePair(profileId, context),

  allow: () => true,

  async run({ subject: { me, other } }, { now, emit }) {
    if (await insertIfAbsent(Block, { blockerId: me.id, blockedId: other.id, createdAt: now })) {
      await deleteFollow(me, other)
      await deleteFollow(other, me)
      await emit(profileBlocked, { profileId: other.id, actor: summarizeProfile(me), actorCounts: profileCountsOf(me) })
    }
    return { profileId: other.id, blocking: true }
  },
})
