import { channel } from '../../kernel/events/channel'
import { visiblePlaylist } from './views'

export const playlistChannel = channel({
  kind: 'playlist',
  summary: 'A playlist that you may see',
  description:
    "Its title, visibility and items. Events of a private playlist are sent on its owner's user channel only.",
  load: (id, context) => visiblePlaylist(id, context),
  allow: () => true,
})
