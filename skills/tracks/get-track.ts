import { operation } from '../../kernel/pipeline/operation'
import { id, optional, shape } from '../../kernel/pipeline/schema'
import { loadTrackView, loadTrackAccess } from './load-track-access'
import { mayEditTrack } from './rules'
import { trackSecret, trackView } from './views'

export const getTrack = operation({
  name: 'tracks.getTrack',
  route: 'GET /tracks/:trackId',
  summary: 'Get a track',
  description:
    'The answer has its counts, and your own like and repost. An unlisted track is visible to anybody with its ' +
    '`secret`.',
  auth: 'public',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: trackView,
  limit: { perMinute: 600 },
  idempotency: 'read',
  snapshotChannel: ({ trackId }) => `track:${trackId}`,

  load: (input, context) => loadTrackAccess(input, context),

  allow: () => true,

  async run({ input, subject, actor }, context) {
    const view = await loadTrackView(input.trackId, subject, context)
    if (actor === null) return view
    const { liked, reposted, track } = subject
    return { ...view, viewer: { liked, reposted, canEdit: mayEditTrack(actor, track) } }
  },
})
