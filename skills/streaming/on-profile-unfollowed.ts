import { reaction } from '../../kernel/event'
import { profileUnfollowed } from '../user-profile/events'
import { tellFollowerLeft } from './tell-follower-left'

export const onProfileUnfollowed = reaction({
  to: profileUnfollowed,
  because: 'unfollowing revokes access to followers-only tracks at once',
  react: ({ profileId, by }, context) => tellFollowerLeft({ artistId: profileId, followerId: by.id }, context),
})
