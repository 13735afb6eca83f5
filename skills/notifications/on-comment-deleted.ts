import { reaction } from '../../kernel/events/reaction'
import { Comment } from '../../models'
import { commentDeleted } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onCommentDeleted = reaction({
  to: commentDeleted,
  because: 'a deleted comment withdraws its notification',
  async react({ commentId, ownerId }, context) {
    const comment = await Comment.findByPk(commentId, { attributes: ['authorId'] })
    if (comment === null) return
    const activity = { kind: 'commented', actorId: comment.authorId, targetId: commentId } as const
    await applyChanges({ withdrawn: [{ recipientId: ownerId, ...activity }] }, context)
  },
})
