import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { reshow } from './reshow'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'a block hides notifications from the blocker; the blocked person must not learn of it',
  react: ({ profileId, by }, context) => reshow({ recipientId: by.id, about: { actorId: profileId } }, context),
})
