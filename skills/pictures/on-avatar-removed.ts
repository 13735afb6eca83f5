import { reaction } from '../../kernel/events/reaction'
import { avatarRemoved } from '../moderation/events'
import { clearPictures } from './clear-pictures'
import { lockTarget } from './picture-target'

export const onAvatarRemoved = reaction({
  to: avatarRemoved,
  because: 'a moderator removes an avatar, also one that is being processed',
  async react({ profileId }, context) {
    const target = await lockTarget({ ownerId: profileId, trackId: null })
    if (target !== undefined) await clearPictures(target, context)
  },
})
