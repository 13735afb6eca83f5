import { reaction } from '../../kernel/event'
import { trackRemoved } from '../music-upload/events'
import { reshow } from './reshow'

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: 'of a track that is gone its artist has no notifications',
  react: ({ trackId, ownerId }, context) => reshow({ recipientId: ownerId, about: { trackId } }, context),
})
