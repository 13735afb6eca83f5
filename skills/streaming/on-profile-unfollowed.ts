import { reaction } from '../../kernel/event'
import { profileUnfollowed } from '../user-profile/events'
import { tellFollowerLeft } from './tell-follower-left'

export const onProfileUnfollowed = reaction({
  to: profileUnfollowed,
  because: 'what is for followers alone is closed at once for whoever follows no longer',
  react: ({ profileId, by }, context) => tellFollowerLeft({ artistId: profileId, followerId: by.id }, context),
})
