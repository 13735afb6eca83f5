import { reaction } from '../../kernel/event'
import { trackUnliked } from '../interactions/events'
import { withdraw } from './withdraw'

export const onTrackUnliked = reaction({
  to: trackUnliked,
  because: 'a like that was taken back is no news',
  react: ({ trackId, ownerId, by }, context) =>
    withdraw(ownerId, { kind: 'liked', actorId: by.id, targetId: trackId }, context),
})
