import { channel } from '../../kernel/events/channel'
import { loadVisibleTrack } from './views'

export const trackChannel = channel({
  kind: 'track',
  summary: 'A track: comments and changes, its counts as state',
  description:
    'For anybody who can see the track. All followers of the channel get the same events, also those of people they ' +
    'block: filter these in the client.',
  load: (id, context) => loadVisibleTrack(id, context),
  allow: () => true,
})
