import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { type Value } from '../../kernel/schema'
import { avatarOf } from '../pictures/views'
import { maySeeTrack, type Standing, type TrackFacts } from '../streaming/rules'
import { standingTo, type trackCounts } from '../streaming/views'
import { type ProfileSummary } from '../user-profile/views'
import { waitingSteps } from './track-tally'
import { type stanceView } from './views'

/** A viewer's reactions to a track, with what a new reaction needs of the track and of the viewer's profile. */
export interface Stance extends Record<'liked' | 'reposted', boolean> {
  trackId: string
  track: TrackFacts
  isSeen: boolean
  /** Including counter changes not yet applied: exact as of the last committed reaction. */
  counts: Value<typeof trackCounts>
  by: ProfileSummary
}

/**
 * The caller's reactions to a track, in one statement and without a lock, so that likes of one track do not wait for each
 * other. A reaction that overlaps with hiding the track or blocking the caller may therefore still count.
 * @throws `not_found` when the track does not exist
 */
export async function stanceOf(trackId: string, { actor, world }: Context<Actor>): Promise<Stance> {
  const [row] = await world.db.read<Row>({ name: 'track-stance', text: selectReactions, values: [trackId, actor.id] })
  if (row === undefined) throw refusals.notFound()
  const { ownerId, visibility, state, removedAt, liked, reposted, likes, reposts, comments, rev } = row
  const { handle, displayName, avatar } = row
  const track = { ownerId, visibility, state, removedAt }
  const isSeen = maySeeTrack(actor, track, row)
  return {
    trackId,
    track,
    isSeen,
    liked,
    reposted,
    counts: { likes, reposts, comments, rev },
    by: { id: actor.id, handle, displayName, avatar },
  }
}

/**
 * The caller's reactions to a track that they can see: for adding one.
 * @throws `not_found` when the track does not exist or the caller may not see it
 */
export async function stanceBefore(trackId: string, context: Context<Actor>): Promise<Stance> {
  const reactions = await stanceOf(trackId, context)
  if (!reactions.isSeen) throw refusals.notFound()
  return reactions
}

/**
 * The caller's reactions to a track: for withdrawing one, which is possible even if the track has become invisible to them.
 * @throws `not_found` when the track does not exist, or the caller may not see it and has no such reaction
 */
export async function stanceToLeave(
  trackId: string,
  reaction: 'liked' | 'reposted',
  context: Context<Actor>,
): Promise<Stance> {
  const reactions = await stanceOf(trackId, context)
  if (!reactions.isSeen && !reactions[reaction]) throw refusals.notFound()
  return reactions
}

export const viewStance = ({ trackId, liked, reposted, counts }: Stance): Value<typeof stanceView> => ({
  ...{ trackId, liked, reposted, counts },
})

type Row = TrackFacts & Standing & Stance['counts'] & Record<'liked' | 'reposted', boolean> & Omit<ProfileSummary, 'id'>

/** Bounds the cost of reading pending counter changes; while a flusher runs there are never this many. */
const pendingMax = 10_000

const selectReactions = `
  select t.owner_id as "ownerId", t.visibility, t.state, t.removed_at as "removedAt",
    t.like_count + pending.likes as likes, t.repost_count + pending.reposts as reposts,
    t.comment_count as comments, t.counts_rev as rev,
    p.handle, p.display_name as "displayName", ${avatarOf('p')} as avatar,
    ${standingTo('t', 'p.id')},
    exists (select from likes where track_id = t.id and profile_id = p.id) as liked,
    exists (select from reposts where track_id = t.id and profile_id = p.id) as reposted
  from tracks t cross join profiles p cross join lateral (${waitingSteps('t.id', `limit ${pendingMax}`)}) as pending
  where t.id = $1 and p.id = $2`
