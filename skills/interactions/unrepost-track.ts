import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { setReaction } from './set-reaction'
import { loadReactionToRemove } from './viewer-reaction'
import { viewerReactionView } from './views'

export const unrepostTrack = operation({
  name: 'interactions.unrepostTrack',
  route: 'DELETE /tracks/:trackId/repost',
  summary: 'Remove your repost of a track',
  description: 'Works for a track that you reposted even if you can no longer see it.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: viewerReactionView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => loadReactionToRemove(trackId, 'reposted', context),

  allow: () => true,

  run: ({ subject: before }, context) => setReaction('repost', false, before, context),
})
