import { Op } from 'sequelize'
import { operation } from '../../kernel/operation'
import { nothing, nullable } from '../../kernel/schema'
import { Play, Track } from '../../models'
import { viewTrack, whatIsVisible } from '../streaming/views'
import { offlineMsMax } from './rules'
import { playingView } from './views'

export const getPlaying = operation({
  name: 'plays.getPlaying',
  route: 'GET /me/playing',
  summary: 'Get what you are playing',
  description:
    'Your latest play within 24 hours and its position, to resume on another device. Null if there is none or you can no longer see ' +
    'the track.',
  who: 'signed-in',
  input: nothing,
  output: nullable(playingView),
  limit: { perMinute: 240 },
  idempotency: 'read',

  async load(_input, context) {
    const { actor, now } = context
    const play = await Play.findOne({
      where: { profileId: actor.id, toldAt: { [Op.gt]: new Date(now.getTime() - offlineMsMax) } },
      order: [['toldAt', 'DESC']],
    })
    const track = play === null ? null : await Track.findByPk(play.trackId)
    const [visible] = track === null ? [] : await whatIsVisible([track], context)
    return { play, track: visible }
  },

  allow: () => true,

  async run({ subject: { play, track } }, context) {
    if (play === null || track === undefined) return null
    const { id: playId, device, positionMs, toldAt } = play
    return { playId, track: await viewTrack(track, context), device, positionMs, at: toldAt.toISOString() }
  },
})
