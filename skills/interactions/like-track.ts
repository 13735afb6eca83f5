import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { setReaction } from './set-reaction'
import { loadReactionToAdd } from './viewer-reaction'
import { viewerReactionView } from './views'

export const likeTrack = operation({
  name: 'interactions.likeTrack',
  route: 'PUT /tracks/:trackId/like',
  summary: 'Like a track',
  description: 'The response includes your like in the count. Other readers see the new count within 200 ms.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: viewerReactionView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => loadReactionToAdd(trackId, context),

  allow: () => true,

  run: ({ subject: before }, context) => setReaction('like', true, before, context),
})
