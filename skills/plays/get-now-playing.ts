import { Op } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { emptyObject, nullable } from '../../kernel/pipeline/schema'
import { Play, Track } from '../../models'
import { viewTrack, filterVisibleTracks } from '../tracks/views'
import { reportWithinMs } from './rules'
import { nowPlayingView } from './views'

export const getNowPlaying = operation({
  name: 'plays.getNowPlaying',
  route: 'GET /me/now-playing',
  summary: 'Get what you are playing',
  description:
    'Your latest play within 24 hours and its position, to resume on another device. Null if there is none or you can no longer see ' +
    'the track.',
  auth: 'signed-in',
  input: emptyObject,
  output: nullable(nowPlayingView),
  limit: { perMinute: 240 },
  idempotency: 'read',

  async load(_input, context) {
    const { actor, now } = context
    const play = await Play.findOne({
      where: { profileId: actor.id, reportedAt: { [Op.gt]: new Date(now.getTime() - reportWithinMs) } },
      order: [['reportedAt', 'DESC']],
    })
    const track = play === null ? null : await Track.findByPk(play.trackId)
    const [visible] = track === null ? [] : await filterVisibleTracks([track], context)
    return { play, track: visible }
  },

  allow: () => true,

  async run({ subject: { play, track } }, context) {
    if (play === null || track === undefined) return null
    const { id: playId, device, positionMs, reportedAt } = play
    return { playId, track: await viewTrack(track, context), device, positionMs, at: reportedAt.toISOString() }
  },
})
