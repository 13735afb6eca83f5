import { reaction } from '../../kernel/event'
import { memberChanged } from './events'
import { showOut } from './show-out'

export const onMemberChanged = reaction({
  to: memberChanged,
  because: 'whoever becomes the host may have blocked some who are in',
  async react({ member }, { enqueue }) {
    if (member.role === 'host') await enqueue(showOut, { hostId: member.profile.id })
  },
})
