import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { insertIfAbsent } from '../../kernel/platform/insert-if-absent'
import { id, shape } from '../../kernel/pipeline/schema'
import { Follow } from '../../models'
import { profileFollowed } from './events'
import { changeFollowCounts, lockProfilePair, emitFollowChange } from './profile-pair'
import { blockedByYou } from './refusals'
import { hasBlocked, profileView, viewProfile } from './views'

export const followProfile = operation({
  name: 'user-profile.followProfile',
  route: 'PUT /profiles/:profileId/follow',
  summary: 'Follow a user',
  auth: 'signed-in',
  input: shape({ profileId: id }),
  output: profileView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [blockedByYou],

  async load({ profileId }, context) {
    const pair = await lockProfilePair(profileId, context)
    if (await hasBlocked(pair.other.id, pair.me.id)) throw refusals.notFound()
    if (await hasBlocked(pair.me.id, pair.other.id)) throw blockedByYou()
    return pair
  },

  allow: () => true,

  async run({ subject: pair }, context) {
    const { me, other } = pair
    if (await insertIfAbsent(Follow, { followerId: me.id, followeeId: other.id, createdAt: context.now })) {
      await changeFollowCounts(me, other, 1)
      await emitFollowChange(profileFollowed, pair, context)
    }
    return viewProfile(other, context)
  },
})
