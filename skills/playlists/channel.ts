import { channel } from '../../kernel/event'
import { visiblePlaylist } from './views'

export const playlistChannel = channel({
  kind: 'playlist',
  summary: 'a playlist you may see: its items and its title. A private one is spoken of on your own channel alone',
  load: (id, context) => visiblePlaylist(id, context),
  allow: () => true,
})
