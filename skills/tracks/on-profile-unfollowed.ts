import { reaction } from '../../kernel/events/reaction'
import { profileUnfollowed } from '../user-profile/events'
import { revokeFollowerAccess } from './revoke-follower-access'

export const onProfileUnfollowed = reaction({
  to: profileUnfollowed,
  because: 'unfollowing revokes access to followers-only tracks at once',
  react: ({ profileId, actor }, context) =>
    revokeFollowerAccess({ artistId: profileId, followerId: actor.id }, context),
})
