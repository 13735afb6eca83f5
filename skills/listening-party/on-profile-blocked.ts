import { reaction } from '../../kernel/events/reaction'
import { profileBlocked } from '../user-profile/events'
import { removeBlockedMembers } from './remove-blocked-members'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'people whom the host blocks are removed from the party',
  react: ({ actor }, { enqueue }) => enqueue(removeBlockedMembers, { hostId: actor.id }),
})
