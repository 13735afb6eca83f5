import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { tellFollowerLeft } from './tell-follower-left'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'blocking an artist ends the follow; when the artist blocks, the block itself revokes access',
  react: ({ profileId, by }, context) => tellFollowerLeft({ artistId: profileId, followerId: by.id }, context),
})
