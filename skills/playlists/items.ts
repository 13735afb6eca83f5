import { type Context } from '../../kernel/context'
import { type Playlist, type PlaylistItem, Track } from '../../models'
import { type TrackView, viewTracks, whatIsVisible } from '../streaming/views'
import { profileSummaries, type ProfileSummary } from '../user-profile/views'
import { mayEditPlaylist } from './rules'
import { type PlaylistItemView } from './views'

/**
 * The items of a playlist as the viewer sees them, in order. A track that the viewer may not see leaves a placeholder; one
 * that is gone leaves it only for those who can take it out.
 */
export async function viewItems(playlist: Playlist, context: Pick<Context, 'actor'>): Promise<PlaylistItemView[]> {
  const { items = [] } = playlist
  const people = await profileSummaries(items.flatMap(({ addedBy }) => addedBy ?? []))
  const trackIds = [...new Set(items.flatMap(({ trackId }) => trackId ?? []))]
  const there = await Track.findAll({ where: { id: trackIds, removedAt: null } })
  const visible = await viewTracks(await whatIsVisible(there, context), context)
  const views = new Map(visible.map(view => [view.id, view]))
  const shown = mayEditPlaylist(context.actor, playlist) ? items : items.filter(isOneOf(there))
  return shown.map(item =>
    viewItem(item, views.get(item.trackId ?? '') ?? null, people.get(item.addedBy ?? '') ?? null),
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
