import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { tellFollowerLeft } from './tell-follower-left'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'who blocks an artist follows them no longer; of whom the artist blocks the block itself says more',
  react: ({ profileId, by }, context) => tellFollowerLeft({ artistId: profileId, followerId: by.id }, context),
})
