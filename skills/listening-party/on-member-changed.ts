import { reaction } from '../../kernel/events/reaction'
import { memberChanged } from './events'
import { removeBlockedMembers } from './remove-blocked-members'

export const onMemberChanged = reaction({
  to: memberChanged,
  because: 'a new host may block some of the members',
  async react({ member }, { enqueue }) {
    if (member.role === 'host') await enqueue(removeBlockedMembers, { hostId: member.profile.id })
  },
})
