import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { count, flag, id, instant, named, optional, shape, type Value, written } from '../../kernel/schema'
import { Comment, type Track } from '../../models'
import { trackCounts, visibleTrack } from '../streaming/views'
import { blockBetween, profileSummary, type ProfileSummary } from '../user-profile/views'
import { mayRemoveComment } from './rules'

/**
 * What the viewer has done with a track, and its counts with this act: the answer to liking and reposting. The `rev` is that
 * of the counts which others read at that moment; the value with the act in it follows within a window, with a greater one.
 */
export const stanceView = named('TrackStance', shape({ trackId: id, liked: flag, reposted: flag, counts: trackCounts }))

const facts = { id, trackId: id, author: profileSummary, body: written, positionMs: count, createdAt: instant }

/** A comment as anybody may hear of it. */
export const commentFacts = named('CommentFacts', shape(facts))
export type CommentFacts = Value<typeof commentFacts>

/**
 * A comment as somebody sees it. `pastEnd` is there, and true, where its moment lies beyond the end, since the audio was
 * replaced by something shorter. `viewer` is there for whoever is signed in.
 */
export const commentView = named(
  'Comment',
  shape({ ...facts, pastEnd: optional(flag), viewer: optional(shape({ canRemove: flag })) }),
)
export type CommentView = Value<typeof commentView>

export const describeComment = (comment: CommentRow, author: ProfileSummary): CommentFacts => ({
  id: comment.id,
  trackId: comment.trackId,
  author,
  body: comment.body,
  positionMs: comment.positionMs,
  createdAt: comment.createdAt.toISOString(),
})

/** What a comment holds, without being its model. */
export type CommentRow = Pick<Comment, 'id' | 'trackId' | 'authorId' | 'body' | 'positionMs' | 'createdAt'>

export const viewComment = (
  facts: CommentFacts,
  track: Pick<Track, 'ownerId' | 'durationMs'>,
  actor: Actor | null,
): CommentView => {
  const isPastEnd = facts.positionMs > (track.durationMs ?? Infinity)
  const view = { ...facts, ...(isPastEnd ? { pastEnd: true } : {}) }
  const canRemove = mayRemoveComment(actor, { authorId: facts.author.id }, track)
  return actor === null ? view : { ...view, viewer: { canRemove } }
}

/**
 * SQL: what `who` did with a track of `owner` is shown to `viewer`. Not across a block, whoever of the two set it; whom
 * the owner has blocked nobody sees there but they themselves. All three are columns or names of values.
 */
export const isShown = (who: string, owner: string, viewer: string): string =>
  `(${who} = ${viewer} or not (${blockBetween(who, viewer)}
    or exists (select from blocks where blocker_id = ${owner} and blocked_id = ${who})))`

/**
 * A comment as the viewer may see it.
 * @throws `not_found` when there is none (any more) or the viewer may not know of it.
 */
export async function visibleComment(commentId: string, context: Pick<Context, 'actor' | 'world'>): Promise<Comment> {
  const comment = await Comment.findByPk(commentId)
  if (comment === null || comment.removedAt !== null) throw refusals.notFound()
  const { ownerId } = await visibleTrack(comment.trackId, context)
  const names = { authorId: comment.authorId, ownerId, viewer: context.actor?.id ?? null }
  const shown = await context.world.db.query(
    `select 1 as shown where ${isShown('cast(:authorId as uuid)', 'cast(:ownerId as uuid)', 'cast(:viewer as uuid)')}`,
    names,
  )
  if (shown.length === 0) throw refusals.notFound()
  return comment
}
