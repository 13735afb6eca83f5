import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { Repost } from '../../models'
import { trackUnreposted } from './events'
import { moveCount } from './move-count'
import { stanceOf, tell, trackToLeave } from './stance'
import { stanceView } from './views'

export const unrepostTrack = operation({
  name: 'interactions.unrepostTrack',
  route: 'DELETE /tracks/:trackId/repost',
  summary: 'Take a repost back. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  load: ({ trackId }, context) => trackToLeave(trackId, Repost, context),

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if ((await Repost.destroy({ where: { trackId: track.id, profileId: actor.id } })) > 0) {
      await moveCount(track, 'repostCount', -1)
      await tell(trackUnreposted, track, context)
    }
    return stanceOf(track, actor)
  },
})
