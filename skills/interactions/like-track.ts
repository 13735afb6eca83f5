import { operation } from '../../kernel/operation'
import { insertOnce } from '../../kernel/rows'
import { id, shape } from '../../kernel/schema'
import { Like } from '../../models'
import { visibleTrack } from '../streaming/views'
import { trackLiked } from './events'
import { moveCount } from './move-count'
import { stanceOf, tell } from './stance'
import { stanceView } from './views'

export const likeTrack = operation({
  name: 'interactions.likeTrack',
  route: 'PUT /tracks/:trackId/like',
  summary: 'Like a track. Liking it again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => visibleTrack(trackId, context, { lock: true }),

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if (await insertOnce(Like, { trackId: track.id, profileId: actor.id, createdAt: context.now })) {
      await moveCount(track, 'likeCount', 1)
      await tell(trackLiked, track, context)
    }
    return stanceOf(track, actor)
  },
})
