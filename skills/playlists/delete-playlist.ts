import { operation } from '../../kernel/pipeline/operation'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { Playlist, PlaylistItem } from '../../models'
import { playlistDeleted } from './events'
import { saveRevision } from './save-revision'
import { mayDeletePlaylist } from './rules'
import { visiblePlaylist } from './views'

export const deletePlaylist = operation({
  name: 'playlists.deletePlaylist',
  route: 'DELETE /playlists/:playlistId',
  summary: 'Delete a playlist',
  description: 'Deletes it and its items permanently; the tracks stay.',
  auth: 'signed-in',
  input: shape({ playlistId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ playlistId }, context) {
    const playlist = await Playlist.findByPk(playlistId, { lock: true })
    const isDeletedAlready =
      playlist !== null && playlist.deletedAt !== null && mayDeletePlaylist(context.actor, playlist)
    return isDeletedAlready ? playlist : visiblePlaylist(playlistId, context)
  },

  allow: (actor, playlist) => mayDeletePlaylist(actor, playlist),

  async run({ subject: playlist }, { now, emit }) {
    if (playlist.deletedAt === null) {
      await PlaylistItem.destroy({ where: { playlistId: playlist.id } })
      await emit(playlistDeleted, await saveRevision(playlist, now, { deletedAt: now }))
    }
    return doneAnswer
  },
})
