import { operation } from '../../kernel/operation'
import { id, optional, shape } from '../../kernel/schema'
import { describeAsOf, glanceAt } from './glance'
import { mayEditTrack } from './rules'
import { trackSecret, trackView } from './views'

export const getTrack = operation({
  name: 'streaming.getTrack',
  route: 'GET /tracks/:trackId',
  summary: 'Get a track',
  description:
    'The answer has its counts, and your own like and repost. An unlisted track is visible to anybody with its ' +
    '`secret`.',
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
