import { reaction } from '../../kernel/events/reaction'
import { trackDeleted } from '../tracks/events'
import { republishNotifications } from './republish-notifications'

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: "a deleted track withdraws its artist's notifications of it; other people's are left out of their lists",
  react: ({ trackId, ownerId }, context) =>
    republishNotifications({ recipientId: ownerId, about: { trackId } }, context),
})
