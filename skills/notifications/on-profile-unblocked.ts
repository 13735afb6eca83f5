import { reaction } from '../../kernel/event'
import { profileUnblocked } from '../user-profile/events'
import { reshow } from './reshow'

export const onProfileUnblocked = reaction({
  to: profileUnblocked,
  because: 'notifications that the block hid are visible again',
  react: ({ profileId, by }, context) =>
    reshow({ recipientId: by.id, about: { actorId: profileId }, isBack: true }, context),
})
