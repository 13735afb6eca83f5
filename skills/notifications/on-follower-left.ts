import { reaction } from '../../kernel/event'
import { followerLeft } from '../streaming/events'
import { reshow } from './reshow'

export const onFollowerLeft = reaction({
  to: followerLeft,
  because: 'of tracks for followers only followers are told',
  react: ({ profileId, artistId }, context) =>
    reshow({ recipientId: profileId, about: { forFollowersOf: artistId } }, context),
})
