import { reaction } from '../../kernel/event'
import { commentAdded } from '../interactions/events'
import { notify } from './notify'

export const onCommentAdded = reaction({
  to: commentAdded,
  because: 'artists hear what is said about their tracks; each comment by itself',
  react: ({ trackId, ownerId, by, comment }, context) =>
    notify(
      [ownerId],
      { kind: 'commented', actorId: by.id, targetId: comment.id, trackId, commentId: comment.id },
      context,
    ),
})
