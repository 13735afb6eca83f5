import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { Like } from '../../models'
import { trackUnliked } from './events'
import { moveCount } from './move-count'
import { stanceOf, tell, trackToLeave } from './stance'
import { stanceView } from './views'

export const unlikeTrack = operation({
  name: 'interactions.unlikeTrack',
  route: 'DELETE /tracks/:trackId/like',
  summary: 'Like a track no longer. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => trackToLeave(trackId, Like, context),

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if ((await Like.destroy({ where: { trackId: track.id, profileId: actor.id } })) > 0) {
      await moveCount(track, 'likeCount', -1)
      await tell(trackUnliked, track, context)
    }
    return stanceOf(track, actor)
  },
})
