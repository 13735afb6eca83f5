import { Transaction } from 'sequelize'
import { type Actor, isModerator } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { Page, pageFrom, pageSize, type Paging, readCursor } from '../../kernel/paging'
import { refusals } from '../../kernel/refusals'
import {
  count,
  flag,
  id,
  instant,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  written,
} from '../../kernel/schema'
import { Like, Repost, Track } from '../../models'
import { blockersOf, newest, profileSummaries, profileSummary } from '../user-profile/views'
import { isListed, mayEditTrack, maySeeTrack } from './rules'

/**
 * One value: of two, the one with the greater `rev` is newer. It has nothing to do with the `rev` of its track. Likes and
 * reposts are added up every 200 ms at most: right after one of them a read may still tell the counts before it.
 */
export const trackCounts = named('TrackCounts', shape({ likes: count, reposts: count, comments: count, rev: count }))

/** Who may know of something: everybody; whoever has its id; its owner alone. */
export const visibility = oneOf('public', 'unlisted', 'private')

/** A track as listeners see it. `viewer` is there for whoever is signed in. */
export const trackView = named(
  'Track',
  shape({
    id,
    title: written,
    description: written,
    genre: nullable(written),
    visibility,
    state: oneOf('processing', 'ready', 'failed'),
    durationMs: nullable(count),
    /** Another one when its audio was replaced; null where that was not noted yet. */
    audioVersion: nullable(id),
    owner: profileSummary,
    counts: trackCounts,
    rev: count,
    createdAt: instant,
    publishedAt: nullable(instant),
    viewer: optional(shape({ liked: flag, reposted: flag, canEdit: flag })),
  }),
)
export type TrackView = Value<typeof trackView>

/** What of a track may be kept in the cache: everything that does not depend on who looks. */
export const trackCacheKey = (trackId: string): string => `track:${trackId}`

/**
 * A track as the viewer may see it, locked against other writers when asked to.
 * @throws `not_found` when there is none or the viewer may not know of it.
 */
export async function visibleTrack(
  trackId: string,
  { actor }: Pick<Context, 'actor'>,
  { lock = false } = {},
): Promise<Track> {
  const track = await (lock ? lockTrack(trackId) : Track.findByPk(trackId))
  const [visible] = track === null ? [] : await whatIsVisible([track], { actor })
  if (visible === undefined) throw refusals.notFound()
  return visible
}

/**
 * A track, whoever may see it, held until the end of the transaction: every change of a track, its counts or its comments
 * goes through that lock. Rows that refer to the track are still let in.
 */
export const lockTrack = (trackId: string): Promise<Track | null> =>
  Track.findByPk(trackId, { lock: Transaction.LOCK.NO_KEY_UPDATE })

/** Several at once, in the order of their ids: two that hold some of the same never wait for each other in a circle. */
export const lockTracks = (trackIds: readonly string[]): Promise<Track[]> =>
  Track.findAll({ where: { id: [...trackIds] }, order: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })

/** Those of the tracks that the viewer may see, in the order given; one query whatever their number. */
export async function whatIsVisible(tracks: readonly Track[], { actor }: Pick<Context, 'actor'>): Promise<Track[]> {
  const owners = tracks.map(({ ownerId }) => ownerId)
  const blockers = actor === null ? new Set<string>() : await blockersOf(actor.id, owners)
  return tracks.filter(track => maySeeTrack(actor, track, blockers.has(track.ownerId)))
}

/**
 * SQL: `maySeeTrack`, for pages that must be full whatever became invisible. `track` is a row of tracks, `viewer` an id or
 * null, `moderates` whether that is a moderator: names of columns or values.
 */
export const isTrackSeen = (track: string, viewer: string, moderates: string): string =>
  `(${track}.removed_at is null and (${track}.owner_id = ${viewer} or ${moderates} or (
      ${track}.state = 'ready' and ${track}.visibility <> 'private'
      and not exists (select from blocks where blocker_id = ${track}.owner_id and blocked_id = ${viewer}))))`

/** SQL: `isListed`, as the conditions of the indexes have it. */
export const isTrackListed = (track: string): string =>
  `${track}.visibility = 'public' and ${track}.state = 'ready' and ${track}.removed_at is null`

/** Tracks as the viewer sees them, in the order given; two queries whatever their number, four for a viewer. */
export async function viewTracks(tracks: readonly Track[], { actor }: Pick<Context, 'actor'>): Promise<TrackView[]> {
  const trackId = tracks.map(({ id }) => id)
  const owners = await profileSummaries(tracks.map(({ ownerId }) => ownerId))
  const mine = actor === null ? null : { where: { trackId, profileId: actor.id }, attributes: ['trackId'] }
  const liked = new Set(mine === null ? [] : (await Like.findAll(mine)).map(like => like.trackId))
  const reposted = new Set(mine === null ? [] : (await Repost.findAll(mine)).map(repost => repost.trackId))
  return tracks.map(track => {
    const owner = owners.get(track.ownerId)
    if (owner === undefined) throw new Error('a track without an owner')
    const viewer = { liked: liked.has(track.id), reposted: reposted.has(track.id), canEdit: mayEditTrack(actor, track) }
    return { ...describeTrack(track), owner, ...(actor === null ? {} : { viewer }) }
  })
}

/** The latest first, one page: `sql` answers `{id, at}` of tracks that `:viewer` sees, before `:at` and `:id`, `:count` of them. */
export async function seenTracksAt(
  input: Paging,
  sql: string,
  context: Context<Actor>,
): Promise<Page<{ track: TrackView; at: string }>> {
  const { actor, world } = context
  const size = pageSize(input)
  const [at, id] = readCursor(input, 2) ?? newest
  const names = { viewer: actor.id, moderates: isModerator(actor), at, id, count: size + 1 }
  const rows = await world.db.query<{ id: string; at: Date }>(sql, names)
  const page = pageFrom(
    rows,
    size,
    row => [row.at.toISOString(), row.id],
    row => row,
  )
  // Seen a moment ago, and perhaps not any more.
  const tracks = await whatIsVisible(await Track.findAll({ where: { id: page.items.map(row => row.id) } }), context)
  const views = new Map((await viewTracks(tracks, context)).map(view => [view.id, view]))
  const shown = page.items.flatMap(row => {
    const track = views.get(row.id)
    return track === undefined ? [] : [{ track, at: row.at.toISOString() }]
  })
  return new Page(shown, page.next)
}

/** Tracks by id as the viewer sees them; what is listed no longer since its id was read is left out. */
export async function listedTracks(
  ids: readonly string[],
  context: Pick<Context, 'actor'>,
): Promise<Map<string, TrackView>> {
  const tracks = ids.length === 0 ? [] : await Track.findAll({ where: { id: [...ids] } })
  const views = await viewTracks(tracks.filter(isListed), context)
  return new Map(views.map(view => [view.id, view]))
}

export async function viewTrack(track: Track, context: Pick<Context, 'actor'>): Promise<TrackView> {
  const [view] = await viewTracks([track], context)
  if (view === undefined) throw refusals.notFound()
  return view
}

export const countsOf = ({ likeCount, repostCount, commentCount, countsRev }: Track): Value<typeof trackCounts> => ({
  likes: likeCount,
  reposts: repostCount,
  comments: commentCount,
  rev: countsRev,
})

function describeTrack(track: Track) {
  const { id, title, description, genre, visibility, state, durationMs, audioVersion, rev, createdAt, publishedAt } =
    track
  return {
    ...{ id, title, description, genre, visibility, state, durationMs, audioVersion, rev },
    counts: countsOf(track),
    createdAt: createdAt.toISOString(),
    publishedAt: publishedAt?.toISOString() ?? null,
  }
}
