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
  summary:
    'Move an item of your playlist behind the item `after`, or to the front (null). A `rev` that is not the newest does no ' +
    'harm while both are there; else the answer is `item_gone` with the order that is there now.',
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
    const stands = order.find(item => item.itemId === itemId)
    // Whoever says which revision they saw has seen the item there.
    if (stands === undefined && rev === undefined) throw refusals.notFound()
    refuseMissing(playlist, order, itemId)
    refuseMissing(playlist, order, after)

    const places = place(order, itemId, after)
    await movePlaces(playlist, places, context)
    const { rank = '' } = places.find(moved => moved.itemId === itemId) ?? stands ?? {}
    return { playlistId: playlist.id, rev: playlist.rev, itemId, rank }
  },
})
