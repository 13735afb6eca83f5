import { reaction } from '../../kernel/events/reaction'
import { profileUnblocked } from '../user-profile/events'
import { republishNotifications } from './republish-notifications'

export const onProfileUnblocked = reaction({
  to: profileUnblocked,
  because: 'notifications that the block hid are visible again',
  react: ({ profileId, actor }, context) =>
    republishNotifications({ recipientId: actor.id, about: { actorId: profileId }, mayReappear: true }, context),
})
