import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { Block, type Playlist, type PlaylistItem, Track } from '../../models'
import { maySeeTrack } from '../streaming/rules'
import { type TrackView, viewTracks } from '../streaming/views'
import { profileSummaries, type ProfileSummary } from '../user-profile/views'
import { mayEditPlaylist } from './rules'
import { type PlaylistItemView } from './views'

/**
 * The items of a playlist as the viewer sees them, in order. A track that the viewer may not see leaves a placeholder; one
 * that is gone leaves it only for those who can take it out.
 */
export async function viewItems(playlist: Playlist, { actor }: Pick<Context, 'actor'>): Promise<PlaylistItemView[]> {
  const { items = [] } = playlist
  const people = await profileSummaries(items.flatMap(({ addedBy }) => addedBy ?? []))
  const trackIds = [...new Set(items.flatMap(({ trackId }) => trackId ?? []))]
  const there = await Track.findAll({ where: { id: trackIds, removedAt: null } })
  const views = new Map((await viewVisible(there, actor)).map(view => [view.id, view]))
  const shown = mayEditPlaylist(actor, playlist) ? items : items.filter(isOneOf(there))
  return shown.map(item =>
    viewItem(item, views.get(item.trackId ?? '') ?? null, people.get(item.addedBy ?? '') ?? null),
  )
}

export const viewItem = (
  { id, rank, addedAt }: PlaylistItem,
  track: TrackView | null,
  addedBy: ProfileSummary | null,
): PlaylistItemView => ({ itemId: id, rank, track, addedBy, addedAt: addedAt.toISOString() })

async function viewVisible(tracks: readonly Track[], actor: Actor | null): Promise<TrackView[]> {
  const blockers = await whoBlocked(actor, tracks)
  const visible = tracks.filter(track => maySeeTrack(actor, track, blockers.has(track.ownerId)))
  return viewTracks(visible, { actor })
}

async function whoBlocked(actor: Actor | null, tracks: readonly Track[]): Promise<Set<string>> {
  if (actor === null) return new Set()
  const blockerId = [...new Set(tracks.map(({ ownerId }) => ownerId))]
  const blocks = await Block.findAll({ where: { blockerId, blockedId: actor.id }, attributes: ['blockerId'] })
  return new Set(blocks.map(block => block.blockerId))
}

function isOneOf(tracks: readonly Track[]): (item: PlaylistItem) => boolean {
  const ids = new Set(tracks.map(({ id }) => id))
  return ({ trackId }) => trackId !== null && ids.has(trackId)
}
