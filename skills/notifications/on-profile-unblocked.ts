import { reaction } from '../../kernel/events/reaction'
import { profileUnblocked } from '../user-profile/events'
import { republishNotifications } from './republish-notifications'

export const onProfileUnblocked = reaction({
  to: profileUnblocked,
  because: 'notifications that the block hid are visible again',
  react: ({ profileId, by }, context) =>
    republishNotifications({ recipientId: by.id, about: { actorId: profileId }, mayReappear: true }, context),
})
