import { reaction } from '../../kernel/events/reaction'
import { commentAdded } from '../interactions/events'
import { notify } from './notify'

export const onCommentAdded = reaction({
  to: commentAdded,
  because: 'artists are notified of each comment on their tracks',
  react: ({ trackId, ownerId, by, comment }, context) =>
    notify(
      [ownerId],
      { kind: 'commented', actorId: by.id, targetId: comment.id, trackId, commentId: comment.id },
      context,
    ),
})
