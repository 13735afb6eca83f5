import { reaction } from '../../kernel/event'
import { reactionsCounted } from '../interactions/events'
import { revise } from './revise'

export const onReactionsCounted = reaction({
  to: reactionsCounted,
  because: 'artists hear who likes and passes on their tracks, and what was taken back is no news: once a window',
  react({ acts }, context) {
    const told = acts.map(({ trackId, ownerId, actorId, kind, done }) => ({
      act: { recipientId: ownerId, kind, actorId, targetId: trackId, trackId },
      done,
    }))
    const came = told.filter(({ done }) => done).map(({ act }) => act)
    const undone = told.filter(({ done }) => !done).map(({ act }) => act)
    return revise({ came, undone }, context)
  },
})
