import { reaction } from '../../kernel/event'
import { memberChanged } from './events'
import { showOut } from './show-out'

export const onMemberChanged = reaction({
  to: memberChanged,
  because: 'a new host may block some of the members',
  async react({ member }, { enqueue }) {
    if (member.role === 'host') await enqueue(showOut, { hostId: member.profile.id })
  },
})
