import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { count, id, nullable, optional, shape, written } from '../../kernel/schema'
import { movePlaces } from './move-places'
import { orderOf, refuseMissing } from './order'
import { place } from './place'
import { itemGone } from './refusals'
import { mayEditPlaylist } from './rules'
import { visiblePlaylist } from './views'

export const moveItem = operation({
  name: 'playlists.moveItem',
  route: 'PUT /playlists/:playlistId/items/:itemId/position',
  summary: 'Move an item of a playlist',
  description:
    'Places it after the item `after`, or first if `after` is null. An outdated `rev` is accepted while both items exist; otherwise ' +
    'the call is refused with `item_gone` and the current order.',
  who: 'signed-in',
  input: shape({ playlistId: id, itemId: id, after: nullable(id), rev: optional(count) }),
  output: shape({ playlistId: id, rev: count, itemId: id, rank: written }),
  limit: { perMinute: 240 },
  idempotency: 'natural',
  refuses: [itemGone],

  load: ({ playlistId }, context) => visiblePlaylist(playlistId, context, { lock: true }),

  allow: (actor, playlist) => mayEditPlaylist(actor, playlist),

  async run({ input: { itemId, after, rev }, subject: playlist }, context) {
    const order = await orderOf(playlist)
    const current = order.find(item => item.itemId === itemId)
    // With `rev` the caller has seen the item, so refuse with `item_gone` below instead.
    if (current === undefined && rev === undefined) throw refusals.notFound()
    refuseMissing(playlist, order, itemId)
    refuseMissing(playlist, order, after)

    const ranks = place(order, itemId, after)
    await movePlaces(playlist, ranks, context)
    const { rank = '' } = ranks.find(moved => moved.itemId === itemId) ?? current ?? {}
    return { playlistId: playlist.id, rev: playlist.rev, itemId, rank }
  },
})
