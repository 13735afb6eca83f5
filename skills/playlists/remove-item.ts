import { operation } from '../../kernel/pipeline/operation'
import { count, id, shape } from '../../kernel/pipeline/schema'
import { PlaylistItem } from '../../models'
import { itemRemoved } from './events'
import { saveRevision } from './save-revision'
import { mayEditPlaylist } from './rules'
import { visiblePlaylist } from './views'

export const removeItem = operation({
  name: 'playlists.removeItem',
  route: 'DELETE /playlists/:playlistId/items/:itemId',
  summary: 'Remove an item from a playlist',
  auth: 'signed-in',
  input: shape({ playlistId: id, itemId: id }),
  output: shape({ playlistId: id, rev: count, itemId: id }),
  limit: { perMinute: 240 },
  idempotency: 'natural',

  load: ({ playlistId }, context) => visiblePlaylist(playlistId, context, { lock: true }),

  allow: (actor, playlist) => mayEditPlaylist(actor, playlist),

  async run({ input: { itemId }, subject: playlist }, { now, emit }) {
    if ((await PlaylistItem.destroy({ where: { id: itemId, playlistId: playlist.id } })) > 0) {
      const commonFields = await saveRevision(playlist, now)
      await emit(itemRemoved, { ...commonFields, itemId })
    }
    return { playlistId: playlist.id, rev: playlist.rev, itemId }
  },
})
