import { reaction } from '../../kernel/events/reaction'
import { reactionsCounted } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onReactionsCounted = reaction({
  to: reactionsCounted,
  because: 'artists are notified of likes and reposts, without those withdrawn, once per counter flush',
  react({ reactions }, context) {
    const changes = reactions.map(({ trackId, ownerId, actorId, kind, added }) => ({
      activity: { recipientId: ownerId, kind, actorId, targetId: trackId, trackId },
      isAdded: added,
    }))
    const added = changes.filter(({ isAdded }) => isAdded).map(({ activity }) => activity)
    const withdrawn = changes.filter(({ isAdded }) => !isAdded).map(({ activity }) => activity)
    return applyChanges({ added, withdrawn }, context)
  },
})
