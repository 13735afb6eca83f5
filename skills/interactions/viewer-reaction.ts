import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import { type Value } from '../../kernel/pipeline/schema'
import { avatarRefSql } from '../pictures/views'
import { maySeeTrack, type ViewerRelation, type TrackAccessFields } from '../tracks/rules'
import { viewerRelationColumns, type trackCounts } from '../tracks/views'
import { type ProfileSummary } from '../user-profile/views'
import { pendingChanges } from './track-counter'

/** A viewer's reactions to a track, with what a new reaction needs of the track and of the viewer's profile. */
export interface ViewerReaction extends Record<'liked' | 'reposted', boolean> {
  trackId: string
  track: TrackAccessFields
  isVisible: boolean
  /** Including counter changes not yet applied: exact as of the last committed reaction. */
  counts: Value<typeof trackCounts>
  actor: ProfileSummary
}

/**
 * The caller's reactions to a track, in one statement and without a lock, so that likes of one track do not wait for each
 * other. A reaction that overlaps with hiding the track or blocking the caller may therefore still count.
 * @throws `not_found` when the track does not exist
 */
export async function loadViewerReaction(trackId: string, { actor, app }: Context<Actor>): Promise<ViewerReaction> {
  const [row] = await app.db.readCommitted<Row>({
    name: 'viewer-reaction',
    text: selectReactions,
    values: [trackId, actor.id],
  })
  if (row === undefined) throw refusals.notFound()
  const { ownerId, visibility, state, deletedAt, liked, reposted, likes, reposts, comments, rev } = row
  const { handle, displayName, avatar } = row
  const track = { ownerId, visibility, state, deletedAt }
  const isVisible = maySeeTrack(actor, track, row)
  return {
    trackId,
    track,
    isVisible,
    liked,
    reposted,
    counts: { likes, reposts, comments, rev },
    actor: { id: actor.id, handle, displayName, avatar },
  }
}

/**
 * The caller's reactions to a track that they can see: for adding one.
 * @throws `not_found` when the track does not exist or the caller may not see it
 */
export async function loadReactionToAdd(trackId: string, context: Context<Actor>): Promise<ViewerReaction> {
  const reactions = await loadViewerReaction(trackId, context)
  if (!reactions.isVisible) throw refusals.notFound()
  return reactions
}

/**
 * The caller's reactions to a track: for withdrawing one, which is possible even if the track has become invisible to them.
 * @throws `not_found` when the track does not exist, or the caller may not see it and has no such reaction
 */
export async function loadReactionToRemove(
  trackId: string,
  reaction: 'liked' | 'reposted',
  context: Context<Actor>,
): Promise<ViewerReaction> {
  const reactions = await loadViewerReaction(trackId, context)
  if (!reactions.isVisible && !reactions[reaction]) throw refusals.notFound()
  return reactions
}

type Row = TrackAccessFields &
  ViewerRelation &
  ViewerReaction['counts'] &
  Record<'liked' | 'reposted', boolean> &
  Omit<ProfileSummary, 'id'>

/** Bounds the cost of reading pending counter changes; while a flusher runs there are never this many. */
const pendingMax = 10_000

const selectReactions = `
  select t.owner_id as "ownerId", t.visibility, t.state, t.deleted_at as "deletedAt",
    t.like_count + pending.likes as likes, t.repost_count + pending.reposts as reposts,
    t.comment_count as comments, t.counts_rev as rev,
    p.handle, p.display_name as "displayName", ${avatarRefSql('p')} as avatar,
    ${viewerRelationColumns('t', 'p.id')},
    exists (select from likes where track_id = t.id and profile_id = p.id) as liked,
    exists (select from reposts where track_id = t.id and profile_id = p.id) as reposted
  from tracks t cross join profiles p cross join lateral (${pendingChanges('t.id', `limit ${pendingMax}`)}) as pending
  where t.id = $1 and p.id = $2`
