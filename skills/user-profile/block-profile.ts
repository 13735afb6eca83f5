import { operation } from '../../kernel/operation'
import { insertOnce } from '../../kernel/rows'
import { id, shape } from '../../kernel/schema'
import { Block } from '../../models'
import { profileBlocked } from './events'
import { endFollow, lockPair } from './pair'
import { blockStance, profileCountsOf, summariseProfile } from './views'

export const blockProfile = operation({
  name: 'user-profile.blockProfile',
  route: 'PUT /profiles/:profileId/block',
  summary: 'Block a user',
  description: 'Ends the follows between you and the user, in both directions. The user is not notified.',
  who: 'signed-in',
  input: shape({ profileId: id }),
  output: blockStance,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  // No check for a block by the other side: the caller must be able to block somebody who has blocked them.
  load: ({ profileId }, context) => lockPair(profileId, context),

  allow: () => true,

  async run({ subject: { me, other } }, { now, emit }) {
    if (await insertOnce(Block, { blockerId: me.id, blockedId: other.id, createdAt: now })) {
      await endFollow(me, other)
      await endFollow(other, me)
      await emit(profileBlocked, { profileId: other.id, by: summariseProfile(me), byCounts: profileCountsOf(me) })
    }
    return { profileId: other.id, blocking: true }
  },
})
