import { reaction } from '../../kernel/events/reaction'
import { reactionsCounted } from '../interactions/events'
import { applyChanges } from './apply-changes'

export const onReactionsCounted = reaction({
  to: reactionsCounted,
  because: 'artists are notified of likes and reposts, and their withdrawals, once per counter flush',
  react({ reactions }, context) {
    const activitiesOf = (chosen: typeof reactions) =>
      chosen.map(({ trackId, ownerId, actorId, kind }) => ({
        recipientId: ownerId,
        ...{ kind, actorId, targetId: trackId, trackId },
      }))
    const added = activitiesOf(reactions.filter(reaction => reaction.added))
    const withdrawn = activitiesOf(reactions.filter(reaction => !reaction.added))
    return applyChanges({ added, withdrawn }, context)
  },
})
