import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Track } from '../../models'
import { maySeeTrack, type Standing, type TrackFacts } from './rules'
import { isRight } from './secret'
import { standingTo, trackCacheKey, type TrackView, viewTrack } from './views'

/** Short, since what it holds is only used while it is as new as the row: a longer life would save nothing. */
const cachedMs = 60_000

/** What of a track must never come from a cache: who may see it, what the viewer did with it, how new it is. */
interface Glance {
  track: TrackFacts
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
export async function glanceAt(
  { trackId, secret }: { trackId: string; secret?: string },
  context: Pick<Context, 'actor' | 'address' | 'world'>,
): Promise<Glance> {
  const { actor, world } = context
  const values = [trackId, actor?.id ?? null, secret !== undefined]
  const [row] = await world.db.read<Row>({ name: 'glance-at-track', text: glance, values })
  if (row === undefined || !maySeeTrack(actor, row, row)) {
    const isGuest = secret !== undefined && (await isRight(secret, row?.secret, context))
    if (row === undefined || !maySeeTrack(actor, row, { ...row, isGuest })) throw refusals.notFound()
  }
  const { ownerId, visibility, state, removedAt, rev, countsRev, ownerRev, liked, reposted } = row
  const track = { ownerId, visibility, state, removedAt }
  return { track, revs: { track: rev, counts: countsRev, owner: ownerRev }, liked, reposted }
}

type Row = TrackFacts &
  Standing &
  Record<'rev' | 'countsRev' | 'ownerRev', number> &
  Record<'liked' | 'reposted', boolean> & { secret: string | null }

const glance = `
  select track.owner_id as "ownerId", track.visibility, track.state, track.removed_at as "removedAt", track.rev,
    track.counts_rev as "countsRev", owner.rev as "ownerRev",
    ${standingTo('track', '$2')}, case when $3 then track.secret end as secret,
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
