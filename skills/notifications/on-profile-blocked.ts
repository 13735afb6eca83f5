import { reaction } from '../../kernel/events/reaction'
import { profileBlocked } from '../user-profile/events'
import { republishNotifications } from './republish-notifications'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'a block hides notifications from the blocker; the blocked person must not learn of it',
  react: ({ profileId, actor }, context) =>
    republishNotifications({ recipientId: actor.id, about: { actorId: profileId } }, context),
})
