import { reaction } from '../../kernel/events/reaction'
import { reactionsCounted } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onReactionsCounted = reaction({
  to: reactionsCounted,
  because: 'artists are notified of likes and reposts, without those withdrawn, once per counter flush',
  react({ acts }, context) {
    const reactions = acts.map(({ trackId, ownerId, actorId, kind, added }) => ({
      activity: { recipientId: ownerId, kind, actorId, targetId: trackId, trackId },
      added,
    }))
    const came = reactions.filter(({ added }) => added).map(({ activity }) => activity)
    const undone = reactions.filter(({ added }) => !added).map(({ activity }) => activity)
    return applyChanges({ added: came, withdrawn: undone }, context)
  },
})
