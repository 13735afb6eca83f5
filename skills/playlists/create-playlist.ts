import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { line, optional, shape, text } from '../../kernel/schema'
import { Playlist } from '../../models'
import { playlistCreated } from './events'
import { aboutPlaylist } from './revise'
import { playlistView, playlistVisibility, viewPlaylist } from './views'

export const createPlaylist = operation({
  name: 'playlists.createPlaylist',
  route: 'POST /playlists',
  summary: 'Create a playlist',
  who: 'signed-in',
  input: shape({ title: line(200), description: optional(text(5000, 0)), visibility: optional(playlistVisibility) }),
  output: playlistView,
  limit: { perMinute: 20 },
  idempotency: 'keyed',
  status: 201,

  load: async () => null,

  allow: () => true,

  async run({ input, actor }, context) {
    const { now, emit } = context
    const { title, description = '', visibility = 'public' } = input
    const row = { id: newId(now), ownerId: actor.id, title, description, visibility, createdAt: now, updatedAt: now }
    const playlist = await Playlist.create(row)
    await emit(playlistCreated, { ...aboutPlaylist(playlist), title, description })
    return viewPlaylist(playlist, context)
  },
})
