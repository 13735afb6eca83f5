import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { insertOnce } from '../../kernel/rows'
import { id, shape } from '../../kernel/schema'
import { Follow } from '../../models'
import { profileFollowed } from './events'
import { countFollow, lockPair, tellOfFollow } from './pair'
import { blockedByYou } from './refusals'
import { hasBlocked, profileView, viewProfile } from './views'

export const followProfile = operation({
  name: 'user-profile.followProfile',
  route: 'PUT /profiles/:profileId/follow',
  summary: 'Follow a user',
  who: 'signed-in',
  input: shape({ profileId: id }),
  output: profileView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [blockedByYou],

  async load({ profileId }, context) {
    const pair = await lockPair(profileId, context)
    if (await hasBlocked(pair.other.id, pair.me.id)) throw refusals.notFound()
    if (await hasBlocked(pair.me.id, pair.other.id)) throw blockedByYou()
    return pair
  },

  allow: () => true,

  async run({ subject: pair }, context) {
    const { me, other } = pair
    if (await insertOnce(Follow, { followerId: me.id, followeeId: other.id, createdAt: context.now })) {
      await countFollow(me, other, 1)
      await tellOfFollow(profileFollowed, pair, context)
    }
    return viewProfile(other, context)
  },
})
