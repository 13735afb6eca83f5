import { Transaction } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { boolean, id, optional, shape, integer } from '../../kernel/pipeline/schema'
import { Play } from '../../models'
import { decideOutcome } from './decide-outcome'
import { addToHistory } from './add-to-history'
import { identifyListener } from './identify-listener'
import { nowPlayingChanged } from './events'
import { playExpired } from './refusals'
import { isPlausible, reportWithinMs, reportIntervalMs } from './rules'
import { claimListeningTime } from './claim-listening-time'
import { playView, viewPlay, viewPlayback } from './views'

const dayMs = 24 * 60 * 60_000

export const reportProgress = operation({
  name: 'plays.reportProgress',
  route: 'PUT /plays/:playId/progress',
  summary: 'Report the progress of a play',
  description:
    '`positionMs` is the playhead. `listenedMs` is the total listening time by the clock, without pauses and muted parts. Offline ' +
    'devices can report within 24 hours of the start. Time during which the listener also played something else counts once. ' +
    '`ended` ends the play.',
  auth: 'public',
  input: shape({ playId: id, positionMs: integer(0, dayMs), listenedMs: integer(0, dayMs), ended: optional(boolean) }),
  output: playView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [playExpired],

  async load({ playId }, { actor, now }) {
    const play = await Play.findByPk(playId, { lock: Transaction.LOCK.NO_KEY_UPDATE })
    // An anonymous play is authorized by its id alone.
    if (play === null || (play.profileId !== null && play.profileId !== actor?.id)) throw refusals.notFound()
    if (now.getTime() - play.startedAt.getTime() > reportWithinMs) throw playExpired()
    return play
  },

  allow: () => true,

  async run({ input, subject: play }, context) {
    const { positionMs, listenedMs, ended = false } = input
    const { now } = context
    const endsNow = ended && !play.ended
    const wasPastThreshold = play.listenedMs >= play.thresholdMs
    const plausible = isPlausible(listenedMs, play.startedAt, now)
    const listener = await identifyListener(context)
    const claimsTime = plausible && play.outcome !== 'own_track' && play.outcome !== 'implausible'
    const claimedMs = claimsTime ? await claimListeningTime(play, listenedMs, listener, context) : 0
    play.set({
      ...{ positionMs, reportedAt: now, ended: play.ended || ended },
      ...{ listenedMs: Math.max(play.listenedMs, listenedMs), creditedMs: play.creditedMs + claimedMs },
    })
    await decideOutcome(play, plausible, listener, context)
    await play.save()
    const isPastThreshold = play.listenedMs >= play.thresholdMs
    if (isPastThreshold && !wasPastThreshold && play.outcome !== 'implausible') await addToHistory(play, context)
    if (endsNow && play.profileId !== null)
      await context.emit(nowPlayingChanged, { profileId: play.profileId, ...viewPlayback(play, now) })
    return viewPlay(play, reportIntervalMs)
  },
})
