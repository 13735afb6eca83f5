import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, shape } from '../../kernel/schema'
import { profileUnfollowed } from './events'
import { endFollow, lockPair, tellOfFollow } from './pair'
import { hasBlocked, profileView, viewProfile } from './views'

export const unfollowProfile = operation({
  name: 'user-profile.unfollowProfile',
  route: 'DELETE /profiles/:profileId/follow',
  summary: 'Unfollow a user',
  who: 'signed-in',
  input: shape({ profileId: id }),
  output: profileView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }, context) {
    const pair = await lockPair(profileId, context)
    if (await hasBlocked(pair.other.id, pair.me.id)) throw refusals.notFound()
    return pair
  },

  allow: () => true,

  async run({ subject: pair }, context) {
    if (await endFollow(pair.me, pair.other)) await tellOfFollow(profileUnfollowed, pair, context)
    return viewProfile(pair.other, context)
  },
})
