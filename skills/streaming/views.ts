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
  pattern,
  shape,
  type Value,
  written,
} from '../../kernel/schema'
import { Like, Repost, Track } from '../../models'
import { pictureRef, refOf } from '../pictures/views'
import { newest, profileSummaries, profileSummary } from '../user-profile/views'
import { isListed, isListedToFollowers, mayEditTrack, maySeeTrack, visibilities } from './rules'
import { isRight, secretOf } from './secret'
import { standingsTo } from './standing'

/**
 * One value: of two, the one with the greater `rev` is newer. It has nothing to do with the `rev` of its track. Likes and
 * reposts are added up every 200 ms at most: right after one of them a read may still tell the counts before it.
 */
export const trackCounts = named('TrackCounts', shape({ likes: count, reposts: count, comments: count, rev: count }))

export const trackVisibility = oneOf(...visibilities)

/** What the secret link of an unlisted track holds. It is shown in a body or the header X-Track-Secret, never in a URL. */
export const trackSecret = pattern(/^[\w-]{22,64}$/, 64)
export const secretLink = named('SecretLink', shape({ trackId: id, secret: written }))

/** A track as listeners see it. `viewer` is there for whoever is signed in. */
export const trackView = named(
  'Track',
  shape({
    id,
    title: written,
    description: written,
    genre: nullable(written),
    visibility: trackVisibility,
    /** Until then it is its artist's alone, whatever its visibility; seconds later it is out. Null: it never waited. */
    releaseAt: nullable(instant),
    /** May whoever hears it download its file? Its owner always may. */
    isDownloadable: flag,
    state: oneOf('processing', 'ready', 'failed'),
    durationMs: nullable(count),
    /** Another one when its audio was replaced; null where that was not noted yet. */
    audioVersion: nullable(id),
    artwork: nullable(pictureRef),
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
export const trackCacheKey = (trackId: string): string => `track:2:${trackId}`

/**
 * A track as the viewer may see it, locked against other writers when asked to.
 * @throws `not_found` when there is none or the viewer may not know of it.
 */
export async function visibleTrack(
  trackId: string,
  { actor }: Pick<Context, 'actor'>,
  { lock = false, isGuest = false } = {},
): Promise<Track> {
  const track = await (lock ? lockTrack(trackId) : Track.findByPk(trackId))
  const [visible] = track === null ? [] : await whatIsVisible([track], { actor }, { isGuest })
  if (visible === undefined) throw refusals.notFound()
  return visible
}

/**
 * A track as the viewer may see it, or anybody who shows its secret.
 * @throws `not_found`, and `too_many_requests` for whoever shows wrong ones.
 */
export async function shownTrack(
  { trackId, secret }: { trackId: string; secret?: string },
  context: Pick<Context, 'actor' | 'address' | 'world'>,
): Promise<Track> {
  const track = await Track.findByPk(trackId)
  const [visible] = track === null ? [] : await whatIsVisible([track], context)
  if (visible !== undefined) return visible
  if (secret === undefined || !(await isRight(secret, await secretOf(trackId, context), context)))
    throw refusals.notFound()
  return visibleTrack(trackId, context, { isGuest: true })
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

/** Those of the tracks that the viewer may see, in the order given; at most three queries whatever their number. */
export async function whatIsVisible(
  tracks: readonly Track[],
  { actor }: Pick<Context, 'actor'>,
  { isGuest = false } = {},
): Promise<Track[]> {
  const standingTo = await standingsTo(tracks, actor)
  return tracks.filter(track => {
    const standing = standingTo(track)
    return maySeeTrack(actor, track, isGuest ? { ...standing, isGuest } : standing)
  })
}

/** SQL: `Standing`, as columns. `viewer` is an id or null; of a public track nothing but blocks is looked up. */
export const standingTo = (track: string, viewer: string): string => `
    exists (select from blocks where blocker_id = ${track}.owner_id and blocked_id = ${viewer}) as "isBlocked",
    case ${track}.visibility when 'followers' then ${isFollower(track, viewer)} else false end as "isFollower",
    case ${track}.visibility when 'unlisted' then ${isGuest(track, viewer)} else false end as "isGuest"`

const isFollower = (track: string, viewer: string) =>
  `exists (select from follows where follower_id = ${viewer} and followee_id = ${track}.owner_id)`
const isGuest = (track: string, viewer: string) =>
  `exists (select from track_guests where track_id = ${track}.id and profile_id = ${viewer})`

/**
 * SQL: `maySeeTrack`, for pages that must be full whatever became invisible. `track` is a row of tracks, `viewer` an id or
 * null, `moderates` whether that is a moderator: names of columns or values.
 */
export const isTrackSeen = (track: string, viewer: string, moderates: string): string =>
  `(${track}.removed_at is null and (${track}.owner_id = ${viewer} or ${moderates} or (
      ${track}.state = 'ready' and case ${track}.visibility when 'public' then true
        when 'followers' then ${isFollower(track, viewer)} when 'unlisted' then ${isGuest(track, viewer)} else false end
      and not exists (select from blocks where blocker_id = ${track}.owner_id and blocked_id = ${viewer}))))`

/** SQL: `isListed`, as the conditions of the indexes have it. */
export const isTrackListed = (track: string): string =>
  `${track}.visibility = 'public' and ${track}.state = 'ready' and ${track}.removed_at is null`

/** SQL: `isListedToFollowers`, of a track whose artist the viewer follows or is. */
export const isTrackListedToFollowers = (track: string): string =>
  `${track}.visibility in ('public', 'followers') and ${track}.state = 'ready' and ${track}.removed_at is null`

/** SQL: what `viewer` finds without asking for it: what is public, and of those whom they follow what is for followers. */
export const isTrackListedFor = (track: string, viewer: string): string =>
  `${isTrackListedToFollowers(track)} and (${track}.visibility = 'public' or ${isFollower(track, viewer)})`

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

/** Tracks by id as the viewer sees them; what is not listed for them any more since its id was read is left out. */
export async function listedTracks(
  ids: readonly string[],
  context: Pick<Context, 'actor'>,
): Promise<Map<string, TrackView>> {
  const tracks = ids.length === 0 ? [] : await Track.findAll({ where: { id: [...ids] } })
  const forFollowers = tracks.filter(track => isListedToFollowers(track) && !isListed(track))
  const followed = forFollowers.length === 0 ? [] : await whatIsVisible(forFollowers, context)
  const views = await viewTracks([...tracks.filter(isListed), ...followed], context)
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

/** As its artist set it, also while it waits for its release. */
export const visibilityOf = ({ releaseAs, visibility }: Pick<Track, 'releaseAs' | 'visibility'>) =>
  releaseAs ?? visibility

function describeTrack(track: Track) {
  const { id, title, description, genre, isDownloadable, state, durationMs, audioVersion, rev } = track
  const { createdAt, releaseAt, publishedAt } = track
  return {
    ...{ id, title, description, genre, isDownloadable, state, durationMs, audioVersion, rev },
    visibility: visibilityOf(track),
    releaseAt: releaseAt?.toISOString() ?? null,
    artwork: refOf(track.artworkId, track.artworkColor),
    counts: countsOf(track),
    createdAt: createdAt.toISOString(),
    publishedAt: publishedAt?.toISOString() ?? null,
  }
}
