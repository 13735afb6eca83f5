import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, shape } from '../../kernel/pipeline/schema'
import { profileUnfollowed } from './events'
import { deleteFollow, lockProfilePair, emitFollowChange } from './profile-pair'
import { hasBlocked, profileView, viewProfile } from './views'

export const unfollowProfile = operation({
  name: 'user-profile.unfollowProfile',
  route: 'DELETE /profiles/:profileId/follow',
  summary: 'Unfollow a user',
  auth: 'signed-in',
  input: shape({ profileId: id }),
  output: profileView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }, context) {
    const pair = await lockProfilePair(profileId, context)
    if (await hasBlocked(pair.other.id, pair.me.id)) throw refusals.notFound()
    return pair
  },

  allow: () => true,

  async run({ subject: pair }, context) {
    if (await deleteFollow(pair.me, pair.other)) await emitFollowChange(profileUnfollowed, pair, context)
    return viewProfile(pair.other, context)
  },
})
