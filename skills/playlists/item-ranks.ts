import { PlaylistItem, type Playlist } from '../../models'
import { itemNotInPlaylist } from './refusals'
import { type ItemRank } from './ranks-after-move'

/** The items of a playlist with their ranks, in order. */
export async function loadItemRanks(playlist: Playlist): Promise<ItemRank[]> {
  const rows = await PlaylistItem.findAll({
    where: { playlistId: playlist.id },
    attributes: ['id', 'rank'],
    order: [['rank', 'asc']],
    raw: true,
  })
  return rows.map(({ id, rank }) => ({ itemId: id, rank }))
}

/** @throws `item_not_in_playlist`, with the current order, when the playlist has no such item. */
export function requireItem(playlist: Playlist, order: readonly ItemRank[], itemId: string | null): void {
  if (itemId === null || order.some(item => item.itemId === itemId)) return
  throw itemNotInPlaylist(undefined, { current: { playlistId: playlist.id, rev: playlist.rev, ranks: order } })
}
