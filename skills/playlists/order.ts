import { PlaylistItem, type Playlist } from '../../models'
import { itemGone } from './refusals'
import { type Place } from './place'

/** The items of a playlist with their ranks, in order. */
export async function orderOf(playlist: Playlist): Promise<Place[]> {
  const rows = await PlaylistItem.findAll({
    where: { playlistId: playlist.id },
    attributes: ['id', 'rank'],
    order: [['rank', 'asc']],
    raw: true,
  })
  return rows.map(({ id, rank }) => ({ itemId: id, rank }))
}

/** @throws `item_gone`, with the current order, when the playlist has no such item. */
export function refuseMissing(playlist: Playlist, order: readonly Place[], itemId: string | null): void {
  if (itemId === null || order.some(item => item.itemId === itemId)) return
  throw itemGone(undefined, { current: { playlistId: playlist.id, rev: playlist.rev, places: order } })
}
