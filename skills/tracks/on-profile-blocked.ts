import { reaction } from '../../kernel/events/reaction'
import { profileBlocked } from '../user-profile/events'
import { revokeFollowerAccess } from './revoke-follower-access'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'blocking an artist ends the follow; when the artist blocks, the block itself revokes access',
  react: ({ profileId, actor }, context) =>
    revokeFollowerAccess({ artistId: profileId, followerId: actor.id }, context),
})
