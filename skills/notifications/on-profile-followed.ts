import { reaction } from '../../kernel/events/reaction'
import { profileFollowed } from '../user-profile/events'
import { applyChanges } from './apply-changes'

export const onProfileFollowed = reaction({
  to: profileFollowed,
  because: 'people are notified of new followers',
  react({ profileId, actor }, context) {
    const activity = { kind: 'followed', actorId: actor.id, targetId: profileId } as const
    return applyChanges({ added: [{ recipientId: profileId, ...activity }] }, context)
  },
})
