import { reaction } from '../../kernel/event'
import { trackUnreposted } from '../interactions/events'
import { withdraw } from './withdraw'

export const onTrackUnreposted = reaction({
  to: trackUnreposted,
  because: 'a repost that was taken back is no news',
  react: ({ trackId, ownerId, by }, context) =>
    withdraw(ownerId, { kind: 'reposted', actorId: by.id, targetId: trackId }, context),
})
