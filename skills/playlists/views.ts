import { type FindOptions } from 'sequelize'
import { isModerator } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import {
  count,
  boolean,
  id,
  timestamp,
  list,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { Playlist, PlaylistItem } from '../../models'
import { isTrackVisibleSql, trackView } from '../tracks/views'
import { hasBlocked, loadProfileSummaries, profileSummary } from '../user-profile/views'
import { mayEditPlaylist, maySeePlaylist } from './rules'

export const playlistItemsMax = 1000

/** Who may see a playlist: everybody, everybody with its id, its owner only. */
export const playlistVisibility = oneOf('public', 'unlisted', 'private')

const playlistFields = {
  id,
  owner: profileSummary,
  title: outputText,
  description: outputText,
  visibility: playlistVisibility,
  /** Number and total duration of the tracks that the viewer may see. */
  trackCount: count,
  durationMs: count,
  rev: count,
  createdAt: timestamp,
  updatedAt: timestamp,
  viewer: optional(shape({ canEdit: boolean })),
}

export const playlistView = named('Playlist', shape(playlistFields))
export type PlaylistView = Value<typeof playlistView>

/** Items are sorted by rank, compared byte by byte. A track that the viewer may not see is null. */
export const playlistItemView = named(
  'PlaylistItem',
  shape({
    itemId: id,
    rank: outputText,
    track: nullable(trackView),
    addedBy: nullable(profileSummary),
    addedAt: timestamp,
  }),
)
export type PlaylistItemView = Value<typeof playlistItemView>

export const playlistWithItems = named(
  'PlaylistWithItems',
  shape({ ...playlistFields, items: list(playlistItemView, playlistItemsMax) }),
)

export const itemRanks = list(shape({ itemId: id, rank: outputText }), playlistItemsMax)

/**
 * A playlist that the viewer may see, locked with `lock`. With `withItems` playlist and items are read in one statement, so
 * that the items are those of its `rev`.
 * @throws `not_found` when it does not exist or the viewer may not see it.
 */
export async function visiblePlaylist(
  playlistId: string,
  { actor }: Pick<Context, 'actor'>,
  { lock = false, withItems = false } = {},
): Promise<Playlist> {
  const playlist = await Playlist.findByPk(playlistId, withItems ? itemsInOrder : lock ? { lock: true } : {})
  if (playlist === null) throw refusals.notFound()
  const isBlocked = actor !== null && (await hasBlocked(playlist.ownerId, actor.id))
  if (!maySeePlaylist(actor, playlist, isBlocked)) throw refusals.notFound()
  return playlist
}

const itemsInOrder: Omit<FindOptions<Playlist>, 'where'> = {
  include: [PlaylistItem],
  order: [[{ model: PlaylistItem, as: 'items' }, 'rank', 'asc']],
}

/** Playlists without their items, in the order given; two queries in total. */
export async function viewPlaylists(
  playlists: readonly Playlist[],
  { actor, app }: Pick<Context, 'actor' | 'app'>,
): Promise<PlaylistView[]> {
  const owners = await loadProfileSummaries(playlists.map(({ ownerId }) => ownerId))
  const totals = await visibleTotals(playlists, { actor, app })
  return playlists.map(playlist => {
    const owner = owners.get(playlist.ownerId)
    if (owner === undefined) throw new Error('a playlist without an owner')
    const viewer = actor === null ? {} : { viewer: { canEdit: mayEditPlaylist(actor, playlist) } }
    return { ...describePlaylist(playlist), owner, ...(totals.get(playlist.id) ?? noTracks), ...viewer }
  })
}

export async function viewPlaylist(playlist: Playlist, context: Pick<Context, 'actor' | 'app'>): Promise<PlaylistView> {
  const [view] = await viewPlaylists([playlist], context)
  if (view === undefined) throw refusals.notFound()
  return view
}

const noTracks = { trackCount: 0, durationMs: 0 }

/** Count and duration of the tracks that the viewer may see; in SQL, so that a page of long playlists costs one query. */
async function visibleTotals(playlists: readonly Playlist[], { actor, app }: Pick<Context, 'actor' | 'app'>) {
  if (playlists.length === 0) return new Map<string, typeof noTracks>()
  const rows = await app.db.query<{ id: string } & typeof noTracks>(
    `select item.playlist_id as id, cast(count(*) as integer) as "trackCount",
            cast(coalesce(sum(track.duration_ms), 0) as double precision) as "durationMs"
     from playlist_items item join tracks track on track.id = item.track_id
     where item.playlist_id in (:playlists) and ${isTrackVisibleSql('track', ':viewer', ':moderates')}
     group by item.playlist_id`,
    { playlists: playlists.map(playlist => playlist.id), viewer: actor?.id ?? null, moderates: isModerator(actor) },
  )
  return new Map(rows.map(({ id: playlistId, trackCount, durationMs }) => [playlistId, { trackCount, durationMs }]))
}

function describePlaylist(playlist: Playlist) {
  const { id, title, description, visibility, rev, createdAt, updatedAt } = playlist
  const times = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
  return { id, title, description, visibility, rev, ...times }
}
