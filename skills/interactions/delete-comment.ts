import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, named, shape } from '../../kernel/pipeline/schema'
import { Comment } from '../../models'
import { countsOf, lockTrack, trackCounts } from '../tracks/views'
import { loadProfileSummary } from '../user-profile/views'
import { commentDeleted } from './events'
import { mayDeleteComment } from './rules'
import { changeCommentCount } from './track-counter'
import { visibleComment } from './views'

export const deleteComment = operation({
  name: 'interactions.deleteComment',
  route: 'DELETE /comments/:commentId',
  summary: 'Delete a comment',
  description: 'Your own comment, or any comment on your own track. Moderators can delete any comment.',
  auth: 'signed-in',
  input: shape({ commentId: id }),
  output: named('CommentDeletion', shape({ commentId: id, trackId: id, counts: trackCounts })),
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ commentId }, context) {
    const found = await Comment.findByPk(commentId, { attributes: ['trackId'] })
    // The track's row lock serializes all changes of its comments: read the comment under it.
    const track = found === null ? null : await lockTrack(found.trackId)
    const comment = await Comment.findByPk(commentId)
    if (track === null || comment === null) throw refusals.notFound()
    if (!mayDeleteComment(context.actor, comment, track)) await visibleComment(commentId, context)
    return { comment, track }
  },

  allow: (actor, { comment, track }) => mayDeleteComment(actor, comment, track),

  async run({ subject: { comment, track } }, context) {
    const { now, emit } = context
    const { id: trackId, ownerId } = track
    if (comment.deletedAt === null) {
      await comment.update({ deletedAt: now })
      await changeCommentCount(track, -1, context)
      const author = await loadProfileSummary(comment.authorId)
      await emit(commentDeleted, { trackId, ownerId, author, commentId: comment.id, counts: countsOf(track) })
    }
    return { commentId: comment.id, trackId, counts: countsOf(track) }
  },
})
