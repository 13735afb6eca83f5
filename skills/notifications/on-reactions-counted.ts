import { reaction } from '../../kernel/event'
import { reactionsCounted } from '../interactions/events'
import { revise } from './revise'

export const onReactionsCounted = reaction({
  to: reactionsCounted,
  because: 'artists are notified of likes and reposts, without those withdrawn, once per counter flush',
  react({ acts }, context) {
    const reactions = acts.map(({ trackId, ownerId, actorId, kind, done }) => ({
      activity: { recipientId: ownerId, kind, actorId, targetId: trackId, trackId },
      done,
    }))
    const came = reactions.filter(({ done }) => done).map(({ activity }) => activity)
    const undone = reactions.filter(({ done }) => !done).map(({ activity }) => activity)
    return revise({ came, undone }, context)
  },
})
