import { reaction } from '../../kernel/events/reaction'
import { commentDeleted } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onCommentDeleted = reaction({
  to: commentDeleted,
  because: 'a deleted comment withdraws its notification',
  react({ commentId, ownerId, author }, context) {
    const activity = { kind: 'commented', actorId: author.id, targetId: commentId } as const
    return applyChanges({ withdrawn: [{ recipientId: ownerId, ...activity }] }, context)
  },
})
