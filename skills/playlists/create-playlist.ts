import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { line, optional, shape, text } from '../../kernel/pipeline/schema'
import { Playlist } from '../../models'
import { playlistCreated } from './events'
import { playlistEventFields } from './save-revision'
import { playlistView, playlistVisibility, viewPlaylist } from './views'

export const createPlaylist = operation({
  name: 'playlists.createPlaylist',
  route: 'POST /playlists',
  summary: 'Create a playlist',
  auth: 'signed-in',
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
    await emit(playlistCreated, { ...playlistEventFields(playlist), title, description })
    return viewPlaylist(playlist, context)
  },
})
