import { channel } from '../../kernel/event'
import { visibleTrack } from './views'

export const trackChannel = channel({
  kind: 'track',
  summary:
    'a track you may see: comments and changes as events, its counts as state. All who follow it hear the same, also of people whom lists ' +
    'hide from them for a block: leave out whom you block',
  load: (id, context) => visibleTrack(id, context),
  allow: () => true,
})
