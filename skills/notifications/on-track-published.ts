import { reaction } from '../../kernel/events/reaction'
import { trackPublished } from '../tracks/events'
import { notifyFollowers } from './notify-followers'

export const onTrackPublished = reaction({
  to: trackPublished,
  because: 'followers are notified of new tracks; a job does the fan-out',
  react: ({ trackId }, { enqueue }) =>
    enqueue(notifyFollowers, { trackId, after: null }, { key: `published:${trackId}` }),
})
