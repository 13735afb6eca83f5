import { Transaction } from 'sequelize'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { flag, id, optional, shape, whole } from '../../kernel/schema'
import { Play } from '../../models'
import { decide } from './decide'
import { keepInHistory } from './history'
import { listenerOf } from './listener'
import { tellPlayMoved } from './move'
import { playForgotten } from './refusals'
import { isPlausible, offlineMsMax, tellEveryMs } from './rules'
import { takeTime } from './take-time'
import { playView, viewPlay } from './views'

const dayMs = 24 * 60 * 60_000

export const tellProgress = operation({
  name: 'plays.tellProgress',
  route: 'PUT /plays/:playId/progress',
  summary: 'Report the progress of a play',
  description:
    '`positionMs` is the playhead. `listenedMs` is the total listening time by the clock, without pauses and muted parts. Offline ' +
    'devices can report within 24 hours of the start. Time during which the listener also played something else counts once. ' +
    '`isOver` ends the play.',
  who: 'anyone',
  input: shape({ playId: id, positionMs: whole(0, dayMs), listenedMs: whole(0, dayMs), isOver: optional(flag) }),
  output: playView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [playForgotten],

  async load({ playId }, { actor, now }) {
    const play = await Play.findByPk(playId, { lock: Transaction.LOCK.NO_KEY_UPDATE })
    // An anonymous play is authorized by its id alone.
    if (play === null || (play.profileId !== null && play.profileId !== actor?.id)) throw refusals.notFound()
    if (now.getTime() - play.openedAt.getTime() > offlineMsMax) throw playForgotten()
    return play
  },

  allow: () => true,

  async run({ input, subject: play }, context) {
    const { positionMs, listenedMs, isOver = false } = input
    const { now } = context
    const endsNow = isOver && !play.isOver
    const wasPastThreshold = play.listenedMs >= play.thresholdMs
    const plausible = isPlausible(listenedMs, play.openedAt, now)
    const listener = await listenerOf(context)
    const takesTime = plausible && play.outcome !== 'own_track' && play.outcome !== 'implausible'
    const takenMs = takesTime ? await takeTime(play, listenedMs, listener, context) : 0
    play.set({
      ...{ positionMs, toldAt: now, isOver: play.isOver || isOver },
      ...{ listenedMs: Math.max(play.listenedMs, listenedMs), heardMs: (play.heardMs ?? play.listenedMs) + takenMs },
    })
    await decide(play, plausible, listener, context)
    await play.save()
    const isPastThreshold = play.listenedMs >= play.thresholdMs
    if (isPastThreshold && !wasPastThreshold && play.outcome !== 'implausible') await keepInHistory(play, context)
    if (endsNow) await tellPlayMoved(play, context)
    return viewPlay(play, tellEveryMs)
  },
})
