import { type FindOptions } from 'sequelize'
import { isModerator } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import {
  count,
  flag,
  id,
  instant,
  list,
  named,
  nullable,
  oneOf,
  optional,
  shape,
  type Value,
  written,
} from '../../kernel/schema'
import { Playlist, PlaylistItem } from '../../models'
import { isTrackSeen, trackView } from '../streaming/views'
import { hasBlocked, profileSummaries, profileSummary } from '../user-profile/views'
import { mayEditPlaylist, maySeePlaylist } from './rules'

export const playlistItemsMax = 1000

/** Who may know of a playlist: everybody; whoever has its id; its owner alone. */
export const playlistVisibility = oneOf('public', 'unlisted', 'private')

const facts = {
  id,
  owner: profileSummary,
  title: written,
  description: written,
  visibility: playlistVisibility,
  /** What the viewer can play of it, and for how long. */
  trackCount: count,
  durationMs: count,
  rev: count,
  createdAt: instant,
  updatedAt: instant,
  viewer: optional(shape({ canEdit: flag })),
}

export const playlistView = named('Playlist', shape(facts))
export type PlaylistView = Value<typeof playlistView>

/** Items stand in the order of their ranks, as text of bytes. A track that the viewer may not see is null. */
export const playlistItemView = named(
  'PlaylistItem',
  shape({
    itemId: id,
    rank: written,
    track: nullable(trackView),
    addedBy: nullable(profileSummary),
    addedAt: instant,
  }),
)
export type PlaylistItemView = Value<typeof playlistItemView>

export const playlistWithItems = named(
  'PlaylistWithItems',
  shape({ ...facts, items: list(playlistItemView, playlistItemsMax) }),
)

export const places = list(shape({ itemId: id, rank: written }), playlistItemsMax)

/**
 * A playlist as the viewer may see it, locked against other writers when asked to. With its items it is read in one
 * statement, so that they are those of its revision.
 * @throws `not_found` when there is none or the viewer may not know of it.
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

/** Playlists without their items, in the order given; two queries whatever their number. */
export async function viewPlaylists(
  playlists: readonly Playlist[],
  { actor, world }: Pick<Context, 'actor' | 'world'>,
): Promise<PlaylistView[]> {
  const owners = await profileSummaries(playlists.map(({ ownerId }) => ownerId))
  const playable = await playableOf(playlists, { actor, world })
  return playlists.map(playlist => {
    const owner = owners.get(playlist.ownerId)
    if (owner === undefined) throw new Error('a playlist without an owner')
    const viewer = actor === null ? {} : { viewer: { canEdit: mayEditPlaylist(actor, playlist) } }
    return { ...describePlaylist(playlist), owner, ...(playable.get(playlist.id) ?? nothingPlayable), ...viewer }
  })
}

export async function viewPlaylist(
  playlist: Playlist,
  context: Pick<Context, 'actor' | 'world'>,
): Promise<PlaylistView> {
  const [view] = await viewPlaylists([playlist], context)
  if (view === undefined) throw refusals.notFound()
  return view
}

const nothingPlayable = { trackCount: 0, durationMs: 0 }

/** In SQL, so that a page of long playlists costs one query. */
async function playableOf(playlists: readonly Playlist[], { actor, world }: Pick<Context, 'actor' | 'world'>) {
  if (playlists.length === 0) return new Map<string, typeof nothingPlayable>()
  const rows = await world.db.query<{ id: string } & typeof nothingPlayable>(
    `select item.playlist_id as id, cast(count(*) as integer) as "trackCount",
            cast(coalesce(sum(track.duration_ms), 0) as double precision) as "durationMs"
     from playlist_items item join tracks track on track.id = item.track_id
     where item.playlist_id in (:playlists) and ${isTrackSeen('track', ':viewer', ':moderates')}
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
