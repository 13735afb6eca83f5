import { reaction } from '../../kernel/event'
import { followerLeft } from '../streaming/events'
import { reshow } from './reshow'

export const onFollowerLeft = reaction({
  to: followerLeft,
  because: 'notifications of followers-only tracks are visible to followers only',
  react: ({ profileId, artistId }, context) =>
    reshow({ recipientId: profileId, about: { forFollowersOf: artistId } }, context),
})
