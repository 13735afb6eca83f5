import { reaction } from '../../kernel/event'
import { trackRemoved } from '../music-upload/events'
import { dropTrack } from './drop-track'

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: 'a deleted track is removed from every party',
  react: ({ trackId }, { enqueue }) => enqueue(dropTrack, { trackId }),
})
