import { reaction } from '../../kernel/event'
import { trackRemoved } from '../music-upload/events'
import { reshow } from './reshow'

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: "a deleted track withdraws its artist's notifications of it",
  react: ({ trackId, ownerId }, context) => reshow({ recipientId: ownerId, about: { trackId } }, context),
})
