import { operation } from '../../kernel/operation'
import { id, optional, shape } from '../../kernel/schema'
import { describeAsOf, glanceAt } from './glance'
import { mayEditTrack } from './rules'
import { trackSecret, trackView } from './views'

export const getTrack = operation({
  name: 'streaming.getTrack',
  route: 'GET /tracks/:trackId',
  summary:
    'A track, with its counts and what you have done with it. Of an unlisted one whoever has its `secret` may show it.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: trackView,
  limit: { perMinute: 600 },
  idempotency: 'read',
  snapshotOf: ({ trackId }) => `track:${trackId}`,

  load: (input, context) => glanceAt(input, context),

  allow: () => true,

  async run({ input, subject, actor }, context) {
    const view = await describeAsOf(input.trackId, subject, context)
    if (actor === null) return view
    const { liked, reposted, track } = subject
    return { ...view, viewer: { liked, reposted, canEdit: mayEditTrack(actor, track) } }
  },
})
