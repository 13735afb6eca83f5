import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, id, nullable, optional, shape, outputText } from '../../kernel/pipeline/schema'
import { updateRanks } from './update-ranks'
import { loadItemRanks, requireItem } from './item-ranks'
import { ranksAfterMove } from './ranks-after-move'
import { itemNotInPlaylist } from './refusals'
import { mayEditPlaylist } from './rules'
import { visiblePlaylist } from './views'

export const moveItem = operation({
  name: 'playlists.moveItem',
  route: 'PUT /playlists/:playlistId/items/:itemId/position',
  summary: 'Move an item of a playlist',
  description:
    'Places it after the item `afterItemId`, or first if that is null. An outdated `rev` is accepted while both items exist; otherwise ' +
    'the call is refused with `item_not_in_playlist` and the current order.',
  auth: 'signed-in',
  input: shape({ playlistId: id, itemId: id, afterItemId: nullable(id), rev: optional(count) }),
  output: shape({ playlistId: id, rev: count, itemId: id, rank: outputText }),
  limit: { perMinute: 240 },
  idempotency: 'natural',
  refuses: [itemNotInPlaylist],

  load: ({ playlistId }, context) => visiblePlaylist(playlistId, context, { lock: true }),

  allow: (actor, playlist) => mayEditPlaylist(actor, playlist),

  async run({ input: { itemId, afterItemId, rev }, subject: playlist }, context) {
    const order = await loadItemRanks(playlist)
    const current = order.find(item => item.itemId === itemId)
    // With `rev` the caller has seen the item, so refuse with `item_not_in_playlist` below instead.
    if (current === undefined && rev === undefined) throw refusals.notFound()
    requireItem(playlist, order, itemId)
    requireItem(playlist, order, afterItemId)

    const ranks = ranksAfterMove(order, itemId, afterItemId)
    await updateRanks(playlist, ranks, context)
    const { rank = '' } = ranks.find(moved => moved.itemId === itemId) ?? current ?? {}
    return { playlistId: playlist.id, rev: playlist.rev, itemId, rank }
  },
})
