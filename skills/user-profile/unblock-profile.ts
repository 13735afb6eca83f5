import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { Block } from '../../models'
import { profileUnblocked } from './events'
import { lockProfilePair } from './profile-pair'
import { blockStatusView, summarizeProfile } from './views'

export const unblockProfile = operation({
  name: 'user-profile.unblockProfile',
  route: 'DELETE /profiles/:profileId/block',
  summary: 'Unblock a user',
  description: 'Follows that the block ended are not restored.',
  auth: 'signed-in',
  input: shape({ profileId: id }),
  output: blockStatusView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ profileId }, context) => lockProfilePair(profileId, context),

  allow: () => true,

  async run({ subject: { me, other } }, { emit }) {
    if ((await Block.destroy({ where: { blockerId: me.id, blockedId: other.id } })) > 0)
      await emit(profileUnblocked, { profileId: other.id, actor: summarizeProfile(me) })
    return { profileId: other.id, blocking: false }
  },
})
