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
  summary:
    'Say where the playhead is, and for how long it was heard so far: by the clock, without pauses and what was muted. Also ' +
    'later, when the device was offline. A listener hears one thing at a time: what takes the time of another play does not ' +
    'count. With `isOver` the play ends.',
  who: 'anyone',
  input: shape({ playId: id, positionMs: whole(0, dayMs), listenedMs: whole(0, dayMs), isOver: optional(flag) }),
  output: playView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [playForgotten],

  async load({ playId }, { actor, now }) {
    const play = await Play.findByPk(playId, { lock: Transaction.LOCK.NO_KEY_UPDATE })
    // Its id is all that whoever is not signed in has to show.
    if (play === null || (play.profileId !== null && play.profileId !== actor?.id)) throw refusals.notFound()
    if (now.getTime() - play.openedAt.getTime() > offlineMsMax) throw playForgotten()
    return play
  },

  allow: () => true,

  async run({ input, subject: play }, context) {
    const { positionMs, listenedMs, isOver = false } = input
    const { now } = context
    const hasEnded = isOver && !play.isOver
    const hadEnough = play.listenedMs >= play.thresholdMs
    const isBelieved = isPlausible(listenedMs, play.openedAt, now)
    const listener = await listenerOf(context)
    const isHeard = isBelieved && play.outcome !== 'own_track' && play.outcome !== 'implausible'
    const gotMs = isHeard ? await takeTime(play, listenedMs, listener, context) : 0
    play.set({
      ...{ positionMs, toldAt: now, isOver: play.isOver || isOver },
      ...{ listenedMs: Math.max(play.listenedMs, listenedMs), heardMs: (play.heardMs ?? play.listenedMs) + gotMs },
    })
    await decide(play, isBelieved, listener, context)
    await play.save()
    const hasEnough = play.listenedMs >= play.thresholdMs
    if (hasEnough && !hadEnough && play.outcome !== 'implausible') await keepInHistory(play, context)
    if (hasEnded) await tellPlayMoved(play, context)
    return viewPlay(play, tellEveryMs)
  },
})
