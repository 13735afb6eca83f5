import { reaction } from '../../kernel/events/reaction'
import { followerAccessRevoked } from '../tracks/events'
import { republishNotifications } from './republish-notifications'

export const onFollowerLeft = reaction({
  to: followerAccessRevoked,
  because: 'notifications of followers-only tracks are visible to followers only',
  react: ({ profileId, artistId }, context) =>
    republishNotifications({ recipientId: profileId, about: { forFollowersOf: artistId } }, context),
})
