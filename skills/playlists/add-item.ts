import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { count, id, nullable, optional, shape } from '../../kernel/schema'
import { PlaylistItem } from '../../models'
import { isListed } from '../streaming/rules'
import { viewTrack, visibleTrack } from '../streaming/views'
import { profileSummaryOf } from '../user-profile/views'
import { itemAdded } from './events'
import { viewItem } from './items'
import { movePlaces } from './move-places'
import { orderOf, refuseMissing } from './order'
import { place } from './place'
import { itemGone, playlistFull } from './refusals'
import { revise } from './revise'
import { mayEditPlaylist } from './rules'
import { playlistItemsMax, playlistItemView, visiblePlaylist } from './views'

export const addItem = operation({
  name: 'playlists.addItem',
  route: 'POST /playlists/:playlistId/items',
  summary: 'Add a track to a playlist',
  description:
    'At the end by default, after the item `after`, or first if `after` is null. A playlist may contain a track several times.',
  who: 'signed-in',
  input: shape({ playlistId: id, trackId: id, after: optional(nullable(id)) }),
  output: shape({ playlistId: id, rev: count, item: playlistItemView }),
  limit: { perMinute: 120 },
  idempotency: 'keyed',
  status: 201,
  refuses: [itemGone, playlistFull],

  async load({ playlistId, trackId }, context) {
    const playlist = await visiblePlaylist(playlistId, context, { lock: true })
    return { playlist, track: await visibleTrack(trackId, context) }
  },

  allow: (actor, { playlist }) => mayEditPlaylist(actor, playlist),

  async run({ input, subject: { playlist, track }, actor }, context) {
    const { now, emit } = context
    const order = await orderOf(playlist)
    if (order.length >= playlistItemsMax) throw playlistFull()
    const { after = order.at(-1)?.itemId ?? null } = input
    refuseMissing(playlist, order, after)

    const itemId = newId(now)
    const ranks = place(order, itemId, after)
    await movePlaces(
      playlist,
      ranks.filter(other => other.itemId !== itemId),
      context,
    )
    const rank = ranks.find(own => own.itemId === itemId)?.rank ?? ''
    const row = { id: itemId, playlistId: playlist.id, trackId: track.id, addedBy: actor.id, rank, addedAt: now }
    const item = await PlaylistItem.create(row)
    // Read the track again: the item's foreign key now locks its row, for which `tellOfTrack` waits before it publishes changes.
    await track.reload()
    const commonFields = await revise(playlist, now)

    const addedBy = await profileSummaryOf(actor.id)
    const publicView = isListed(track) ? await viewTrack(track, { actor: null }) : null
    await emit(itemAdded, { ...commonFields, item: { ...viewItem(item, publicView, addedBy), trackId: track.id } })
    const view = viewItem(item, await viewTrack(track, context), addedBy)
    return { playlistId: playlist.id, rev: playlist.rev, item: view }
  },
})
