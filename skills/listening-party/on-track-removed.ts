import { reaction } from '../../kernel/event'
import { trackRemoved } from '../music-upload/events'
import { dropTrack } from './drop-track'

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because: 'what was taken away is on nowhere',
  react: ({ trackId }, { enqueue }) => enqueue(dropTrack, { trackId }),
})
