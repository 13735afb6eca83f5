import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Track } from '../../models'
import { maySeeTrack } from './rules'
import { trackCacheKey, type TrackView, viewTrack } from './views'

/** Short, since what it holds is only used while it is as new as the row: a longer life would save nothing. */
const cachedMs = 60_000

/** What of a track must never come from a cache: who may see it, what the viewer did with it, how new it is. */
interface Glance {
  track: { ownerId: string; visibility: Track['visibility']; state: Track['state']; removedAt: Date | null }
  revs: Revisions
  liked: boolean
  reposted: boolean
}

/** Of all that a view is made of: the track, its counts, its artist. */
interface Revisions {
  track: number
  counts: number
  owner: number
}

/**
 * One point read of what is true now.
 * @throws `not_found` when there is no such track or the viewer may not know of it.
 */
export async function glanceAt(trackId: string, { actor, world }: Pick<Context, 'actor' | 'world'>): Promise<Glance> {
  const [row] = await world.db.read<Row>({
    name: 'glance-at-track',
    text: glance,
    values: [trackId, actor?.id ?? null],
  })
  if (row === undefined) throw refusals.notFound()
  const { ownerId, visibility, state, removedAt, rev, countsRev, ownerRev, blocked, liked, reposted } = row
  const track = { ownerId, visibility, state, removedAt }
  if (!maySeeTrack(actor, track, blocked)) throw refusals.notFound()
  return { track, revs: { track: rev, counts: countsRev, owner: ownerRev }, liked, reposted }
}

type Row = Glance['track'] & Record<'rev' | 'countsRev' | 'ownerRev', number> & Record<Flag, boolean>
type Flag = 'blocked' | 'liked' | 'reposted'

const glance = `
  select track.owner_id as "ownerId", track.visibility, track.state, track.removed_at as "removedAt", track.rev,
    track.counts_rev as "countsRev", owner.rev as "ownerRev",
    exists (select from blocks where blocker_id = track.owner_id and blocked_id = $2) as blocked,
    exists (select from likes where track_id = track.id and profile_id = $2) as liked,
    exists (select from reposts where track_id = track.id and profile_id = $2) as reposted
  from tracks track join profiles owner on owner.id = track.owner_id
  where track.id = $1`

interface Kept {
  view: TrackView
  ownerRev: number
}

/** The track as everybody sees it: from the cache when that is at least as new as `glance`, else from its row. */
export async function describeAsOf(
  trackId: string,
  { revs }: Pick<Glance, 'revs'>,
  { world }: Pick<Context, 'world'>,
): Promise<TrackView> {
  const key = trackCacheKey(trackId)
  const kept = await world.cache.through(key, cachedMs, () => load(trackId))
  const { view, ownerRev } = kept
  if (view.rev >= revs.track && view.counts.rev >= revs.counts && ownerRev >= revs.owner) return view
  await world.cache.drop([key])
  return (await load(trackId)).view
}

async function load(trackId: string): Promise<Kept> {
  const track = await Track.findByPk(trackId, { include: 'owner' })
  if (track?.owner === undefined) throw refusals.notFound()
  const ownerRev = track.owner.rev
  return { view: await viewTrack(track, { actor: null }), ownerRev }
}
