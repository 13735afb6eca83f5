import { Transaction } from 'sequelize'
import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { toPage, pageSize, type Paging, parseCursor, firstPageCursor, type Page } from '../../kernel/pipeline/paging'
import { refusals } from '../../kernel/pipeline/refusals'
import {
  count,
  boolean,
  id,
  timestamp,
  line,
  named,
  nullable,
  oneOf,
  optional,
  pattern,
  shape,
  text,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { Like, Repost, Track } from '../../models'
import { pictureRef, toPictureRef } from '../pictures/views'
import { loadProfileSummaries, profileSummary } from '../user-profile/views'
import { isListed, isListedToFollowers, mayEditTrack, maySeeTrack, visibilities } from './rules'
import { verifySecret, loadSecret } from './verify-secret'
import { loadViewerRelations } from './load-viewer-relations'

/**
 * Of two values the one with the greater `rev` is newer; it is independent of the `rev` of the track. Likes and
 * reposts are applied every 200 ms, so a read right after one may return older counts.
 */
export const trackCounts = named('TrackCounts', shape({ likes: count, reposts: count, comments: count, rev: count }))

export const trackVisibility = oneOf(...visibilities)

/** Input fields of a track that its artist sets. */
export const trackInputFields = {
  title: line(200),
  description: text(5000, 0),
  genre: nullable(line(60)),
  visibility: trackVisibility,
  /** ISO 8601 with a time zone, such as 2026-12-01T00:00:00Z. */
  releaseAt: nullable(pattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/, 40)),
  isDownloadable: boolean,
}

/** The secret of an unlisted track. Sent in a body or the header X-Track-Secret, never in a URL. */
export const trackSecret = pattern(/^[\w-]{22,64}$/, 64)
export const secretLinkView = named('SecretLink', shape({ trackId: id, secret: outputText }))

/** A track as listeners see it. `viewer` is present for signed-in callers. */
export const trackView = named(
  'Track',
  shape({
    id,
    title: outputText,
    description: outputText,
    genre: nullable(outputText),
    visibility: trackVisibility,
    /**
     * Release time, or null when none was set. Until then only its artist can see the track; it becomes visible
     * within seconds after.
     */
    releaseAt: nullable(timestamp),
    /** Listeners may download the file; its owner always may. */
    isDownloadable: boolean,
    state: oneOf('processing', 'ready', 'failed'),
    durationMs: nullable(count),
    /** Changes when the audio is replaced; null before the track has audio. */
    audioVersion: nullable(id),
    artwork: nullable(pictureRef),
    owner: profileSummary,
    counts: trackCounts,
    rev: count,
    createdAt: timestamp,
    publishedAt: nullable(timestamp),
    viewer: optional(shape({ liked: boolean, reposted: boolean, canEdit: boolean })),
  }),
)
export type TrackView = Value<typeof trackView>

/** Cache key of a track's view without a viewer. */
export const trackCacheKey = (trackId: string): string => `track:2:${trackId}`

/**
 * Loads a track that the viewer may see, with a write lock on request.
 * @throws `not_found` when it does not exist or the viewer may not see it
 */
export async function loadVisibleTrack(
  trackId: string,
  { actor }: Pick<Context, 'actor'>,
  { lock = false, isLinkHolder = false } = {},
): Promise<Track> {
  const track = await (lock ? lockTrack(trackId) : Track.findByPk(trackId))
  const [visible] = track === null ? [] : await filterVisibleTracks([track], { actor }, { isLinkHolder })
  if (visible === undefined) throw refusals.notFound()
  return visible
}

/**
 * Loads a track that the viewer may see, or whose secret they send.
 * @throws `not_found`; `too_many_requests` after too many wrong secrets
 */
export async function loadTrackWithSecret(
  { trackId, secret }: { trackId: string; secret?: string },
  context: Pick<Context, 'actor' | 'ipAddress' | 'app'>,
): Promise<Track> {
  const track = await Track.findByPk(trackId)
  const [visible] = track === null ? [] : await filterVisibleTracks([track], context)
  if (visible !== undefined) return visible
  if (secret === undefined || !(await verifySecret(secret, await loadSecret(trackId, context), context)))
    throw refusals.notFound()
  return loadVisibleTrack(trackId, context, { isLinkHolder: true })
}

/**
 * Loads and locks a track without an access check. Every change of a track, its counts or its comments takes this
 * lock; rows that refer to the track can still be inserted.
 */
export const lockTrack = (trackId: string): Promise<Track | null> =>
  Track.findByPk(trackId, { lock: Transaction.LOCK.NO_KEY_UPDATE })

/** Locks several tracks in the order of their ids, so that concurrent calls cannot deadlock. */
export const lockTracks = (trackIds: readonly string[]): Promise<Track[]> =>
  Track.findAll({ where: { id: [...trackIds] }, order: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })

/** The tracks that the viewer may see, in the order given; at most three queries for any number. */
export async function filterVisibleTracks(
  tracks: readonly Track[],
  { actor }: Pick<Context, 'actor'>,
  { isLinkHolder = false } = {},
): Promise<Track[]> {
  const relationTo = await loadViewerRelations(tracks, actor)
  return tracks.filter(track => {
    const relation = relationTo(track)
    return maySeeTrack(actor, track, isLinkHolder ? { ...relation, isLinkHolder } : relation)
  })
}

/** SQL: the columns of `ViewerRelation`. `viewer` is an id or null; for a public track only blocks are looked up. */
export const viewerRelationColumns = (track: string, viewer: string): string => `
    exists (select from blocks where blocker_id = ${track}.owner_id and blocked_id = ${viewer}) as "isBlocked",
    case ${track}.visibility when 'followers' then ${isFollower(track, viewer)} else false end as "isFollower",
    case ${track}.visibility when 'unlisted' then ${isLinkHolder(track, viewer)} else false end as "isLinkHolder"`

const isFollower = (track: string, viewer: string) =>
  `exists (select from follows where follower_id = ${viewer} and followee_id = ${track}.owner_id)`
const isLinkHolder = (track: string, viewer: string) =>
  `exists (select from track_link_holders where track_id = ${track}.id and profile_id = ${viewer})`

/**
 * SQL: `maySeeTrack`, so that pages can be filled with visible tracks. `track` is a row of tracks, `viewer` an id or
 * null, `moderates` whether the viewer is a moderator: column names or values.
 */
export const isTrackVisibleSql = (track: string, viewer: string, moderates: string): string =>
  `(${track}.deleted_at is null and (${track}.owner_id = ${viewer} or ${moderates} or (
      ${track}.state = 'ready' and case ${track}.visibility when 'public' then true
        when 'followers' then ${isFollower(track, viewer)} when 'unlisted' then ${isLinkHolder(track, viewer)} else false end
      and not exists (select from blocks where blocker_id = ${track}.owner_id and blocked_id = ${viewer}))))`

/** SQL: `isListed`, in the form that the partial indexes use. */
export const isTrackListedSql = (track: string): string =>
  `${track}.visibility = 'public' and ${track}.state = 'ready' and ${track}.deleted_at is null`

/** SQL: `isListedToFollowers`, for a viewer who follows the artist or is the artist. */
export const isTrackListedToFollowersSql = (track: string): string =>
  `${track}.visibility in ('public', 'followers') and ${track}.state = 'ready' and ${track}.deleted_at is null`

/** SQL: tracks listed for `viewer`: public ones, and followers-only ones of artists they follow. */
export const isTrackListedForSql = (track: string, viewer: string): string =>
  `${isTrackListedToFollowersSql(track)} and (${track}.visibility = 'public' or ${isFollower(track, viewer)})`

/** The views of tracks, in the order given; two queries for any number, four with a viewer. */
export async function viewTracks(tracks: readonly Track[], { actor }: Pick<Context, 'actor'>): Promise<TrackView[]> {
  const trackId = tracks.map(({ id }) => id)
  const owners = await loadProfileSummaries(tracks.map(({ ownerId }) => ownerId))
  const reactionQuery = actor === null ? null : { where: { trackId, profileId: actor.id }, attributes: ['trackId'] }
  const liked = new Set(reactionQuery === null ? [] : (await Like.findAll(reactionQuery)).map(like => like.trackId))
  const reposted = new Set(
    reactionQuery === null ? [] : (await Repost.findAll(reactionQuery)).map(repost => repost.trackId),
  )
  return tracks.map(track => {
    const owner = owners.get(track.ownerId)
    if (owner === undefined) throw new Error('a track without an owner')
    const viewer = { liked: liked.has(track.id), reposted: reposted.has(track.id), canEdit: mayEditTrack(actor, track) }
    return { ...describeTrack(track), owner, ...(actor === null ? {} : { viewer }) }
  })
}

/**
 * One page of visible tracks, newest first. `sql` returns `{id, at}` of tracks that `:viewer` sees, before `:at` and
 * `:id`, at most `:count`.
 */
export async function pageVisibleTracks(
  input: Paging,
  sql: string,
  context: Context<Actor>,
): Promise<Page<{ track: TrackView; at: string }>> {
  const { actor, app } = context
  const size = pageSize(input)
  const [at, id] = parseCursor(input, 2) ?? firstPageCursor
  const names = { viewer: actor.id, moderates: isModerator(actor), at, id, count: size + 1 }
  const rows = await app.db.query<{ id: string; at: Date }>(sql, names)
  const page = toPage(rows, size, row => [row.at.toISOString(), row.id])
  // Filter again: access may have changed since the query.
  const tracks = await filterVisibleTracks(
    await Track.findAll({ where: { id: page.items.map(row => row.id) } }),
    context,
  )
  const views = new Map((await viewTracks(tracks, context)).map(view => [view.id, view]))
  return page.flatMap(row => {
    const track = views.get(row.id)
    return track === undefined ? [] : [{ track, at: row.at.toISOString() }]
  })
}

/** The views of tracks by id, without those that are no longer listed for the viewer. */
export async function viewListedTracks(
  ids: readonly string[],
  context: Pick<Context, 'actor'>,
): Promise<Map<string, TrackView>> {
  const tracks = ids.length === 0 ? [] : await Track.findAll({ where: { id: [...ids] } })
  const forFollowers = tracks.filter(track => isListedToFollowers(track) && !isListed(track))
  const followed = forFollowers.length === 0 ? [] : await filterVisibleTracks(forFollowers, context)
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

/** The visibility that the artist chose, also before the release. */
export const chosenVisibility = ({ releaseVisibility, visibility }: Pick<Track, 'releaseVisibility' | 'visibility'>) =>
  releaseVisibility ?? visibility

function describeTrack(track: Track) {
  const { id, title, description, genre, isDownloadable, state, durationMs, audioVersion, rev } = track
  const { createdAt, releaseAt, publishedAt } = track
  return {
    ...{ id, title, description, genre, isDownloadable, state, durationMs, audioVersion, rev },
    visibility: chosenVisibility(track),
    releaseAt: releaseAt?.toISOString() ?? null,
    artwork: toPictureRef(track.artworkId, track.artworkColor),
    counts: countsOf(track),
    createdAt: createdAt.toISOString(),
    publishedAt: publishedAt?.toISOString() ?? null,
  }
}
