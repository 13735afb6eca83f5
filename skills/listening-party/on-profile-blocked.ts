import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { showOut } from './show-out'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'nobody stays in the party of somebody who blocked them',
  react: ({ by }, { enqueue }) => enqueue(showOut, { hostId: by.id }),
})
