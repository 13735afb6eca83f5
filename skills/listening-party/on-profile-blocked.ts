import { reaction } from '../../kernel/event'
import { profileBlocked } from '../user-profile/events'
import { showOut } from './show-out'

export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'people whom the host blocks are removed from the party',
  react: ({ by }, { enqueue }) => enqueue(showOut, { hostId: by.id }),
})
