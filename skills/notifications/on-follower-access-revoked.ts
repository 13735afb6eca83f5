import { reaction } from '../../kernel/events/reaction'
import { followerAccessRevoked } from '../tracks/events'
import { republishNotifications } from './republish-notifications'

export const onFollowerAccessRevoked = reaction({
  to: followerAccessRevoked,
  because: 'somebody who no longer follows an artist does not see notifications of followers-only tracks',
  react: ({ profileId, artistId }, context) =>
    republishNotifications({ recipientId: profileId, about: { followersOnlyTracksOf: artistId } }, context),
})
