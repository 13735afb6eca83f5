import { reaction } from '../../kernel/events/reaction'
import { profileUnfollowed } from '../user-profile/events'
import { applyChanges } from './apply-changes'

export const onProfileUnfollowed = reaction({
  to: profileUnfollowed,
  because: 'an unfollow withdraws the notification of the follow',
  react({ profileId, actor }, context) {
    const activity = { kind: 'followed', actorId: actor.id, targetId: profileId } as const
    return applyChanges({ withdrawn: [{ recipientId: profileId, ...activity }] }, context)
  },
})
