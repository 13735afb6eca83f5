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
  summary: 'Block somebody other than yourself: neither follows the other any more, and they are not told.',
  who: 'signed-in',
  input: shape({ profileId: id }),
  output: blockStance,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  // Whoever has blocked the caller can be blocked in return, or they could watch unhindered.
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
