import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { trackView, viewTrack, visibleTrack } from './views'

export const getTrack = operation({
  name: 'streaming.getTrack',
  route: 'GET /tracks/:trackId',
  summary: 'A track, with its counts and what you have done with it.',
  who: 'anyone',
  input: shape({ trackId: id }),
  output: trackView,
  limit: { perMinute: 600 },
  idempotency: 'read',

  load: ({ trackId }, context) => visibleTrack(trackId, context),

  allow: () => true,

  run: ({ subject }, context) => viewTrack(subject, context),
})
