import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { setReaction } from './set-reaction'
import { loadReactionToRemove } from './viewer-reaction'
import { viewerReactionView } from './views'

export const unlikeTrack = operation({
  name: 'interactions.unlikeTrack',
  route: 'DELETE /tracks/:trackId/like',
  summary: 'Unlike a track',
  description: 'Works for a track that you liked even if you can no longer see it.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: viewerReactionView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => loadReactionToRemove(trackId, 'liked', context),

  allow: () => true,

  run: ({ subject: before }, context) => setReaction('like', false, before, context),
})
