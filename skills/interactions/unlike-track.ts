import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { Like } from '../../models'
import { countsOf, visibleTrack } from '../streaming/views'
import { profileSummaryOf } from '../user-profile/views'
import { trackUnliked } from './events'
import { count, stanceOf } from './stance'
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

  load: ({ trackId }, context) => visibleTrack(trackId, context, { lock: true }),

  allow: () => true,

  async run({ subject: track, actor }, { emit }) {
    if ((await Like.destroy({ where: { trackId: track.id, profileId: actor.id } })) > 0) {
      await count(track, 'likeCount', -1)
      const by = await profileSummaryOf(actor.id)
      await emit(trackUnliked, {
        trackId: track.id,
        ownerId: track.ownerId,
        by,
        counts: countsOf(track),
        rev: track.rev,
      })
    }
    return stanceOf(track, actor)
  },
})
