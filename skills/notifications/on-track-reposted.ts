import { reaction } from '../../kernel/event'
import { trackReposted } from '../interactions/events'
import { notify } from './notify'

export const onTrackReposted = reaction({
  to: trackReposted,
  because: 'artists hear who passes their tracks on',
  react: ({ trackId, ownerId, by }, context) =>
    notify([ownerId], { kind: 'reposted', actorId: by.id, targetId: trackId, trackId }, context),
})
