import { reaction } from '../../kernel/events/reaction'
import { trackDeleted } from '../tracks/events'
import { removeTrackFromParties } from './remove-track-from-parties'

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: 'a deleted track is removed from every party',
  react: ({ trackId }, { enqueue }) => enqueue(removeTrackFromParties, { trackId }),
})
