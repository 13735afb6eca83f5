import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import {
  count,
  boolean,
  id,
  timestamp,
  named,
  optional,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { Comment, type Track } from '../../models'
import { trackCounts, loadVisibleTrack } from '../tracks/views'
import { blockBetween, profileSummary, type ProfileSummary } from '../user-profile/views'
import { mayDeleteComment } from './rules'

/**
 * The viewer's reactions to a track and its counts including them: the response of liking and reposting. `rev` is that of the
 * counts which others read now; counts that include the reaction follow within 200 ms, with a greater `rev`.
 */
export const viewerReactionView = named(
  'ViewerReaction',
  shape({ trackId: id, liked: boolean, reposted: boolean, counts: trackCounts }),
)
export type ViewerReactionView = Value<typeof viewerReactionView>

export const viewReaction = ({ trackId, liked, reposted, counts }: ViewerReactionView): ViewerReactionView => ({
  ...{ trackId, liked, reposted, counts },
})

const commentFields = {
  id,
  trackId: id,
  author: profileSummary,
  body: outputText,
  positionMs: count,
  createdAt: timestamp,
}

/** A comment without viewer-dependent fields, as in events. */
export const commentAttributes = named('CommentAttributes', shape(commentFields))
export type CommentAttributes = Value<typeof commentAttributes>

/**
 * A comment as the viewer sees it. `pastEnd` is present, and true, if its position lies beyond the end of the track because
 * the audio was replaced by a shorter one. `viewer` is present for signed-in viewers.
 */
export const commentView = named(
  'Comment',
  shape({ ...commentFields, pastEnd: optional(boolean), viewer: optional(shape({ canDelete: boolean })) }),
)
export type CommentView = Value<typeof commentView>

export const describeComment = (comment: CommentRow, author: ProfileSummary): CommentAttributes => ({
  id: comment.id,
  trackId: comment.trackId,
  author,
  body: comment.body,
  positionMs: comment.positionMs,
  createdAt: comment.createdAt.toISOString(),
})

/** The columns of a comment, from its model or from a query. */
export type CommentRow = Pick<Comment, 'id' | 'trackId' | 'authorId' | 'body' | 'positionMs' | 'createdAt'>

export const viewComment = (
  attributes: CommentAttributes,
  track: Pick<Track, 'ownerId' | 'durationMs'>,
  actor: Actor | null,
): CommentView => {
  const isPastEnd = attributes.positionMs > (track.durationMs ?? Infinity)
  const view = { ...attributes, ...(isPastEnd ? { pastEnd: true } : {}) }
  const canDelete = mayDeleteComment(actor, { authorId: attributes.author.id }, track)
  return actor === null ? view : { ...view, viewer: { canDelete } }
}

/**
 * SQL: `viewer` may see that `who` liked or commented on a track of `owner`: there is no block between the two, and the owner
 * does not block `who`. People always see themselves. All three are columns or named parameters.
 */
export const isActorVisible = (who: string, owner: string, viewer: string): string =>
  `(${who} = ${viewer} or not (${blockBetween(who, viewer)}
    or exists (select from blocks where blocker_id = ${owner} and blocked_id = ${who})))`

/**
 * A comment that the viewer may see.
 * @throws `not_found` when it does not exist, is deleted, or the viewer may not see it.
 */
export async function visibleComment(commentId: string, context: Pick<Context, 'actor' | 'app'>): Promise<Comment> {
  const comment = await Comment.findByPk(commentId)
  if (comment === null || comment.deletedAt !== null) throw refusals.notFound()
  const { ownerId } = await loadVisibleTrack(comment.trackId, context)
  const names = { authorId: comment.authorId, ownerId, viewer: context.actor?.id ?? null }
  const visible = await context.app.db.query(
    `select 1 as visible where ${isActorVisible('cast(:authorId as uuid)', 'cast(:ownerId as uuid)', 'cast(:viewer as uuid)')}`,
    names,
  )
  if (visible.length === 0) throw refusals.notFound()
  return comment
}
