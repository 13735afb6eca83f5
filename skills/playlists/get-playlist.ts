import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { viewItems } from './view-items'
import { playlistWithItems, viewPlaylist, visiblePlaylist } from './views'

export const getPlaylist = operation({
  name: 'playlists.getPlaylist',
  route: 'GET /playlists/:playlistId',
  summary: 'Get a playlist with its items',
  description: 'A snapshot at `rev`: later events of the playlist channel continue from there.',
  auth: 'public',
  input: shape({ playlistId: id }),
  output: playlistWithItems,
  limit: { perMinute: 240 },
  idempotency: 'read',
  snapshotChannel: ({ playlistId }) => `playlist:${playlistId}`,

  load: ({ playlistId }, context) => visiblePlaylist(playlistId, context, { withItems: true }),

  allow: () => true,

  async run({ subject: playlist }, context) {
    const items = await viewItems(playlist, context)
    const durationMs = items.reduce((sum, { track }) => sum + (track?.durationMs ?? 0), 0)
    const trackCount = items.filter(({ track }) => track !== null).length
    return { ...(await viewPlaylist(playlist, context)), trackCount, durationMs, items }
  },
})
