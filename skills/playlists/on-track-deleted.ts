import { reaction } from '../../kernel/events/reaction'
import { trackDeleted } from '../tracks/events'
import { enqueueTrackChange } from './publish-track-change'

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: 'a deleted track is removed from the playlists that contain it; a job does the fan-out to their followers',
  react: ({ trackId }, context) => enqueueTrackChange(trackId, context),
})
