import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { id, line, optional, shape } from '../../kernel/pipeline/schema'
import { Play } from '../../models'
import { trackNotReady } from '../tracks/rules'
import { loadTrackWithSecret, trackSecret } from '../tracks/views'
import { identifyListener } from './identify-listener'
import { nowPlayingChanged } from './events'
import { reportIntervalMs, thresholdMsOf } from './rules'
import { playView, viewPlay, viewPlayback } from './views'

export const startPlay = operation({
  name: 'plays.startPlay',
  route: 'POST /tracks/:trackId/plays',
  summary: 'Start a play',
  description:
    'Call it when the user presses play, then report progress every few seconds. A play counts once enough of the track was heard.',
  auth: 'public',
  input: shape({ trackId: id, secret: optional(trackSecret), device: optional(line(60)) }),
  output: playView,
  limit: { perMinute: 60 },
  idempotency: 'keyed',
  status: 201,
  refuses: [trackNotReady],

  load: (input, context) => loadTrackWithSecret(input, context),

  allow: () => true,

  async run({ input, subject: track, actor }, context) {
    const { durationMs, state, ownerId } = track
    if (state !== 'ready' || durationMs === null) throw trackNotReady()
    const { now } = context
    const { key } = await identifyListener(context)
    const own = actor?.id === ownerId ? { outcome: 'own_track' as const, decidedAt: now } : {}
    const play = await Play.create({
      ...{ id: newId(now), trackId: track.id, profileId: actor?.id ?? null, listenerKey: key },
      ...{ device: input.device ?? null, startedAt: now, reportedAt: now, thresholdMs: thresholdMsOf(durationMs) },
      creditedMs: 0,
      ...own,
    })
    if (actor !== null) await context.emit(nowPlayingChanged, { profileId: actor.id, ...viewPlayback(play, now) })
    return viewPlay(play, reportIntervalMs)
  },
})
