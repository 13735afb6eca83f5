import { reaction } from '../../kernel/events/reaction'
import { commentAdded } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onCommentAdded = reaction({
  to: commentAdded,
  because: 'artists are notified of each comment on their tracks',
  react({ trackId, ownerId, comment: { id: commentId, author } }, context) {
    const activity = { kind: 'commented', actorId: author.id, targetId: commentId, trackId, commentId } as const
    return applyChanges({ added: [{ recipientId: ownerId, ...activity }] }, context)
  },
})
