import { reaction } from '../../kernel/events/reaction'
import { trackChanged } from '../tracks/events'
import { enqueueTrackChange } from './publish-track-change'

export const onTrackChanged = reaction({
  to: trackChanged,
  because: 'playlists show their tracks and total duration; a job does the fan-out to their followers',
  react: ({ track }, context) => enqueueTrackChange(track.id, context),
})
