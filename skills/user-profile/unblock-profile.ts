import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { Block } from '../../models'
import { profileUnblocked } from './events'
import { lockPair } from './pair'
import { blockStance, summariseProfile } from './views'

export const unblockProfile = operation({
  name: 'user-profile.unblockProfile',
  route: 'DELETE /profiles/:profileId/block',
  summary: 'Unblock a user',
  description: 'Follows that the block ended are not restored.',
  who: 'signed-in',
  input: shape({ profileId: id }),
  output: blockStance,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ profileId }, context) => lockPair(profileId, context),

  allow: () => true,

  async run({ subject: { me, other } }, { emit }) {
    if ((await Block.destroy({ where: { blockerId: me.id, blockedId: other.id } })) > 0)
      await emit(profileUnblocked, { profileId: other.id, by: summariseProfile(me) })
    return { profileId: other.id, blocking: false }
  },
})
