import { count, flag, id, instant, named, shape, type Value, written } from '../../kernel/schema'
import { type Comment, type Track } from '../../models'
import { countsOf, trackCounts } from '../streaming/views'
import { profileSummary, type ProfileSummary } from '../user-profile/views'

/** What the viewer has done with a track, and its counts: the answer to liking and reposting. */
export const stanceView = named(
  'TrackStance',
  shape({ trackId: id, liked: flag, reposted: flag, counts: trackCounts, rev: count }),
)

export const commentView = named(
  'Comment',
  shape({ id, trackId: id, author: profileSummary, body: written, positionMs: count, createdAt: instant }),
)
export type CommentView = Value<typeof commentView>

export const viewComment = (comment: Comment, author: ProfileSummary): CommentView => ({
  id: comment.id,
  trackId: comment.trackId,
  author,
  body: comment.body,
  positionMs: comment.positionMs,
  createdAt: comment.createdAt.toISOString(),
})

export const viewStance = (track: Track, stance: { liked: boolean; reposted: boolean }): Value<typeof stanceView> => ({
  trackId: track.id,
  ...stance,
  counts: countsOf(track),
  rev: track.rev,
})
