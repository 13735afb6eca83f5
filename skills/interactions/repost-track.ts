import { operation } from '../../kernel/operation'
import { insertOnce } from '../../kernel/rows'
import { id, shape } from '../../kernel/schema'
import { Repost } from '../../models'
import { isListed } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { trackReposted } from './events'
import { moveCount } from './move-count'
import { notPublic, ownTrack } from './refusals'
import { stanceOf, tell } from './stance'
import { stanceView } from './views'

export const repostTrack = operation({
  name: 'interactions.repostTrack',
  route: 'PUT /tracks/:trackId/repost',
  summary: "Pass somebody else's public track on to your followers. Doing so again changes nothing.",
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: stanceView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [ownTrack, notPublic],

  async load({ trackId }, context) {
    const track = await visibleTrack(trackId, context, { lock: true })
    if (track.ownerId === context.actor.id) throw ownTrack()
    if (!isListed(track)) throw notPublic()
    return track
  },

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if (await insertOnce(Repost, { trackId: track.id, profileId: actor.id, createdAt: context.now })) {
      await moveCount(track, 'repostCount', 1)
      await tell(trackReposted, track, context)
    }
    return stanceOf(track, actor)
  },
})
