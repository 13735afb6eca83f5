import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import { Track } from '../../models'
import { maySeeTrack, type ViewerRelation, type TrackAccessFields } from './rules'
import { verifySecret } from './verify-secret'
import { viewerRelationColumns, trackCacheKey, type TrackView, viewTrack } from './views'

/** Short, since a cached view is used only while it is as new as its row: a longer lifetime saves nothing. */
const cacheLifeMs = 60_000

/**
 * The fields of a track that must never come from a cache: its access fields, the viewer's reactions, and the
 * revisions.
 */
interface TrackAccess {
  track: TrackAccessFields
  revs: Revisions
  liked: boolean
  reposted: boolean
}

/** The revisions of the track, its counts and its owner, which make up a view. */
interface Revisions {
  track: number
  counts: number
  owner: number
}

/**
 * Reads access fields, relation and revisions by primary keys in one statement.
 * @throws `not_found` when the track does not exist or the viewer may not see it
 */
export async function loadTrackAccess(
  { trackId, secret }: { trackId: string; secret?: string },
  context: Pick<Context, 'actor' | 'ipAddress' | 'app'>,
): Promise<TrackAccess> {
  const { actor, app } = context
  const values = [trackId, actor?.id ?? null, secret !== undefined]
  const [row] = await app.db.readCommitted<Row>({ name: 'load-track-access', text: accessSql, values })
  if (row === undefined || !maySeeTrack(actor, row, row)) {
    const isGuest = secret !== undefined && (await verifySecret(secret, row?.secret, context))
    if (row === undefined || !maySeeTrack(actor, row, { ...row, isLinkHolder: isGuest })) throw refusals.notFound()
  }
  const { ownerId, visibility, state, deletedAt, rev, countsRev, ownerRev, liked, reposted } = row
  const track = { ownerId, visibility, state, deletedAt }
  return { track, revs: { track: rev, counts: countsRev, owner: ownerRev }, liked, reposted }
}

type Row = TrackAccessFields &
  ViewerRelation &
  Record<'rev' | 'countsRev' | 'ownerRev', number> &
  Record<'liked' | 'reposted', boolean> & { secret: string | null }

const accessSql = `
  select track.owner_id as "ownerId", track.visibility, track.state, track.deleted_at as "deletedAt", track.rev,
    track.counts_rev as "countsRev", owner.rev as "ownerRev",
    ${viewerRelationColumns('track', '$2')}, case when $3 then track.secret end as secret,
    exists (select from likes where track_id = track.id and profile_id = $2) as liked,
    exists (select from reposts where track_id = track.id and profile_id = $2) as reposted
  from tracks track join profiles owner on owner.id = track.owner_id
  where track.id = $1`

interface CachedView {
  view: TrackView
  ownerRev: number
}

/** The view of a track without a viewer: from the cache when it is at least as new as `revs`, else from its row. */
export async function loadTrackView(
  trackId: string,
  { revs }: Pick<TrackAccess, 'revs'>,
  { app }: Pick<Context, 'app'>,
): Promise<TrackView> {
  const key = trackCacheKey(trackId)
  const cached = await app.cache.getOrLoad(key, cacheLifeMs, () => load(trackId))
  const { view, ownerRev } = cached
  if (view.rev >= revs.track && view.counts.rev >= revs.counts && ownerRev >= revs.owner) return view
  await app.cache.invalidate([key])
  return (await load(trackId)).view
}

async function load(trackId: string): Promise<CachedView> {
  const track = await Track.findByPk(trackId, { include: 'owner' })
  if (track?.owner === undefined) throw refusals.notFound()
  const ownerRev = track.owner.rev
  return { view: await viewTrack(track, { actor: null }), ownerRev }
}
