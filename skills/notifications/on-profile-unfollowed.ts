import { reaction } from '../../kernel/events/reaction'
import { profileUnfollowed } from '../user-profile/events'
import { withdraw } from './withdraw'

export const onProfileUnfollowed = reaction({
  to: profileUnfollowed,
  because: 'an unfollow withdraws the notification of the follow',
  react: ({ profileId, by }, context) =>
    withdraw(profileId, { kind: 'followed', actorId: by.id, targetId: profileId }, context),
})
