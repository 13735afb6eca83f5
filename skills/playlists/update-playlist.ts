import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, id, line, optional, shape, text } from '../../kernel/pipeline/schema'
import { playlistChanged, playlistHidden } from './events'
import { saveRevision } from './save-revision'
import { mayEditPlaylist } from './rules'
import { playlistView, playlistVisibility, viewPlaylist, visiblePlaylist } from './views'

export const updatePlaylist = operation({
  name: 'playlists.updatePlaylist',
  route: 'PATCH /playlists/:playlistId',
  summary: 'Update a playlist',
  description:
    'Its title, description or visibility. With `rev` the call is refused if the playlist has changed since.',
  auth: 'signed-in',
  input: shape({
    playlistId: id,
    title: optional(line(200)),
    description: optional(text(5000, 0)),
    visibility: optional(playlistVisibility),
    rev: optional(count),
  }),
  output: playlistView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ playlistId }, context) => visiblePlaylist(playlistId, context, { lock: true }),

  allow: (actor, playlist) => mayEditPlaylist(actor, playlist),

  async run({ input, subject: playlist }, context) {
    const { now, emit } = context
    if (input.rev !== undefined && input.rev !== playlist.rev)
      throw refusals.staleRevision(undefined, { current: await viewPlaylist(playlist, context) })
    const { title = playlist.title, description = playlist.description, visibility = playlist.visibility } = input
    const wasPrivate = playlist.visibility === 'private'
    playlist.set({ title, description, visibility })
    if (playlist.changed() !== false) {
      const commonFields = await saveRevision(playlist, now)
      await emit(playlistChanged, { ...commonFields, title, description })
      if (visibility === 'private' && !wasPrivate)
        await emit(playlistHidden, { playlistId: playlist.id, rev: playlist.rev })
    }
    return viewPlaylist(playlist, context)
  },
})
