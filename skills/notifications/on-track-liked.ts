import { reaction } from '../../kernel/event'
import { trackLiked } from '../interactions/events'
import { notify } from './notify'

export const onTrackLiked = reaction({
  to: trackLiked,
  because: 'artists hear who likes their tracks',
  react: ({ trackId, ownerId, by }, context) =>
    notify([ownerId], { kind: 'liked', actorId: by.id, targetId: trackId, trackId }, context),
})
