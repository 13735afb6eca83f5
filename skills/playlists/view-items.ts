import { type Context } from '../../kernel/pipeline/context'
import { type Playlist, type PlaylistItem, Track } from '../../models'
import { type TrackView, viewTracks, filterVisibleTracks } from '../tracks/views'
import { loadProfileSummaries, type ProfileSummary } from '../user-profile/views'
import { mayEditPlaylist } from './rules'
import { type PlaylistItemView } from './views'

/**
 * The items of a playlist as the viewer sees them, in order. A track that the viewer may not see is null; an item of a deleted
 * track is included only for those who can edit the playlist.
 */
export async function viewItems(playlist: Playlist, context: Pick<Context, 'actor'>): Promise<PlaylistItemView[]> {
  const { items = [] } = playlist
  const profiles = await loadProfileSummaries(items.flatMap(({ addedBy }) => addedBy ?? []))
  const trackIds = [...new Set(items.flatMap(({ trackId }) => trackId ?? []))]
  const existing = await Track.findAll({ where: { id: trackIds, deletedAt: null } })
  const visible = await viewTracks(await filterVisibleTracks(existing, context), context)
  const views = new Map(visible.map(view => [view.id, view]))
  const included = mayEditPlaylist(context.actor, playlist) ? items : items.filter(isOneOf(existing))
  return included.map(item =>
    viewItem(item, views.get(item.trackId ?? '') ?? null, profiles.get(item.addedBy ?? '') ?? null),
  )
}

export const viewItem = (
  { id, rank, addedAt }: PlaylistItem,
  track: TrackView | null,
  addedBy: ProfileSummary | null,
): PlaylistItemView => ({ itemId: id, rank, track, addedBy, addedAt: addedAt.toISOString() })

function isOneOf(tracks: readonly Track[]): (item: PlaylistItem) => boolean {
  const ids = new Set(tracks.map(({ id }) => id))
  return ({ trackId }) => trackId !== null && ids.has(trackId)
}
