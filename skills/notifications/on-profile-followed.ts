import { reaction } from '../../kernel/events/reaction'
import { profileFollowed } from '../user-profile/events'
import { notify } from './notify'

export const onProfileFollowed = reaction({
  to: profileFollowed,
  because: 'people are notified of new followers',
  react: ({ profileId, by }, context) =>
    notify([profileId], { kind: 'followed', actorId: by.id, targetId: profileId }, context),
})
