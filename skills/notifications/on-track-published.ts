import { reaction } from '../../kernel/event'
import { trackPublished } from '../music-upload/events'
import { tellFollowers } from './tell-followers'

export const onTrackPublished = reaction({
  to: trackPublished,
  because: 'followers are notified of new tracks; a job does the fan-out',
  react: ({ trackId }, { enqueue }) =>
    enqueue(tellFollowers, { trackId, after: null }, { key: `published:${trackId}` }),
})
