import { channel } from '../../kernel/event'
import { visibleTrack } from './views'

export const trackChannel = channel({
  kind: 'track',
  summary: 'a track you may see: likes, reposts, comments, changes',
  load: (id, context) => visibleTrack(id, context),
  allow: () => true,
})
