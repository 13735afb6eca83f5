import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { reshow } from './reshow'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'whom you block you are no longer told of; they themselves must not hear of it',
  react: ({ profileId, by }, context) => reshow({ recipientId: by.id, about: { actorId: profileId } }, context),
})
