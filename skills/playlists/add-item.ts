import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { count, id, nullable, optional, shape } from '../../kernel/pipeline/schema'
import { PlaylistItem } from '../../models'
import { isListed } from '../tracks/rules'
import { viewTrack, loadVisibleTrack } from '../tracks/views'
import { loadProfileSummary } from '../user-profile/views'
import { itemAdded } from './events'
import { viewItem } from './view-items'
import { updateRanks } from './update-ranks'
import { loadItemRanks, requireItem } from './item-ranks'
import { ranksAfterMove } from './ranks-after-move'
import { itemNotInPlaylist, playlistFull } from './refusals'
import { saveRevision } from './save-revision'
import { mayEditPlaylist } from './rules'
import { playlistItemsMax, playlistItemView, visiblePlaylist } from './views'

export const addItem = operation({
  name: 'playlists.addItem',
  route: 'POST /playlists/:playlistId/items',
  summary: 'Add a track to a playlist',
  description:
    'At the end by default, after the item `afterItemId`, or first if that is null. A playlist may contain a track several times.',
  auth: 'signed-in',
  input: shape({ playlistId: id, trackId: id, afterItemId: optional(nullable(id)) }),
  output: shape({ playlistId: id, rev: count, item: playlistItemView }),
  limit: { perMinute: 120 },
  idempotency: 'keyed',
  status: 201,
  refuses: [itemNotInPlaylist, playlistFull],

  async load({ playlistId, trackId }, context) {
    const playlist = await visiblePlaylist(playlistId, context, { lock: true })
    return { playlist, track: await loadVisibleTrack(trackId, context) }
  },

  allow: (actor, { playlist }) => mayEditPlaylist(actor, playlist),

  async run({ input, subject: { playlist, track }, actor }, context) {
    const { now, emit } = context
    const order = await loadItemRanks(playlist)
    if (order.length >= playlistItemsMax) throw playlistFull()
    const { afterItemId = order.at(-1)?.itemId ?? null } = input
    requireItem(playlist, order, afterItemId)

    const itemId = newId(now)
    const ranks = ranksAfterMove(order, itemId, afterItemId)
    await updateRanks(
      playlist,
      ranks.filter(other => other.itemId !== itemId),
      context,
    )
    const rank = ranks.find(own => own.itemId === itemId)?.rank ?? ''
    const row = { id: itemId, playlistId: playlist.id, trackId: track.id, addedBy: actor.id, rank, addedAt: now }
    const item = await PlaylistItem.create(row)
    // Read the track again: the item's foreign key now locks its row, for which `publishTrackChange` waits before it publishes changes.
    await track.reload()
    const commonFields = await saveRevision(playlist, now)

    const addedBy = await loadProfileSummary(actor.id)
    const publicView = isListed(track) ? await viewTrack(track, { actor: null }) : null
    await emit(itemAdded, { ...commonFields, item: { ...viewItem(item, publicView, addedBy), trackId: track.id } })
    const view = viewItem(item, await viewTrack(track, context), addedBy)
    return { playlistId: playlist.id, rev: playlist.rev, item: view }
  },
})
