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

/** Where somebody stands to a track before they act. */
export interface Stance extends Record<'liked' | 'reposted', boolean> {
  trackId: string
  track: TrackFacts
  isSeen: boolean
  /** With what is not added up yet: exact as of the last act that was committed. */
  counts: Value<typeof trackCounts>
  by: ProfileSummary
}

/**
 * Where the caller stands to a track, read in one statement and without a lock: likes of one track must not wait for each
 * other. An act that overlaps with the track being hidden or the caller being blocked may therefore still count.
 * @throws `not_found` when there is no such track
 */
export async function stanceOf(trackId: string, { actor, world }: Context<Actor>): Promise<Stance> {
  const [row] = await world.db.read<Row>({ name: 'track-stance', text: stance, values: [trackId, actor.id] })
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

/** @throws `not_found` when there is none or the caller may not know of it */
export async function stanceBefore(trackId: string, context: Context<Actor>): Promise<Stance> {
  const stance = await stanceOf(trackId, context)
  if (!stance.isSeen) throw refusals.notFound()
  return stance
}

/** What somebody did can be taken back when the track has become invisible to them: `done` says what that was. */
export async function stanceToLeave(
  trackId: string,
  done: 'liked' | 'reposted',
  context: Context<Actor>,
): Promise<Stance> {
  const stance = await stanceOf(trackId, context)
  if (!stance.isSeen && !stance[done]) throw refusals.notFound()
  return stance
}

export const viewStance = ({ trackId, liked, reposted, counts }: Stance): Value<typeof stanceView> => ({
  ...{ trackId, liked, reposted, counts },
})

type Row = TrackFacts & Standing & Stance['counts'] & Record<'liked' | 'reposted', boolean> & Omit<ProfileSummary, 'id'>

/** So many steps that wait are added to what an answer tells; there are never so many while anybody flushes. */
const waitingMax = 10_000

const stance = `
  select t.owner_id as "ownerId", t.visibility, t.state, t.removed_at as "removedAt",
    t.like_count + waiting.likes as likes, t.repost_count + waiting.reposts as reposts,
    t.comment_count as comments, t.counts_rev as rev,
    p.handle, p.display_name as "displayName", ${avatarOf('p')} as avatar,
    ${standingTo('t', 'p.id')},
    exists (select from likes where track_id = t.id and profile_id = p.id) as liked,
    exists (select from reposts where track_id = t.id and profile_id = p.id) as reposted
  from tracks t cross join profiles p cross join lateral (${waitingSteps('t.id', `limit ${waitingMax}`)}) as waiting
  where t.id = $1 and p.id = $2`
