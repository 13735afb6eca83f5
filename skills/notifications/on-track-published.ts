import { reaction } from '../../kernel/event'
import { trackPublished } from '../music-upload/events'
import { tellFollowers } from './tell-followers'

export const onTrackPublished = reaction({
  to: trackPublished,
  because: 'followers hear of new tracks; they may be many, so a worker tells them',
  react: ({ trackId }, { enqueue }) =>
    enqueue(tellFollowers, { trackId, after: null }, { key: `published:${trackId}` }),
})
