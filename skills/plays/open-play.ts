import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { id, line, optional, shape } from '../../kernel/schema'
import { Play } from '../../models'
import { notReady } from '../streaming/rules'
import { shownTrack, trackSecret } from '../streaming/views'
import { listenerOf } from './listener'
import { tellPlayMoved } from './move'
import { tellEveryMs, thresholdMsOf } from './rules'
import { playView, viewPlay } from './views'

export const openPlay = operation({
  name: 'plays.openPlay',
  route: 'POST /tracks/:trackId/plays',
  summary: 'Start a play',
  description:
    'Call it when the user presses play, then report progress every few seconds. A play counts once enough of the track was heard.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret), device: optional(line(60)) }),
  output: playView,
  limit: { perMinute: 60 },
  idempotency: 'keyed',
  status: 201,
  refuses: [notReady],

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ input, subject: track, actor }, context) {
    const { durationMs, state, ownerId } = track
    if (state !== 'ready' || durationMs === null) throw notReady()
    const { now } = context
    const { name } = await listenerOf(context)
    const own = actor?.id === ownerId ? { outcome: 'own_track' as const, decidedAt: now } : {}
    const play = await Play.create({
      ...{ id: newId(now), trackId: track.id, profileId: actor?.id ?? null, listener: name },
      ...{ device: input.device ?? null, openedAt: now, toldAt: now, thresholdMs: thresholdMsOf(durationMs) },
      heardMs: 0,
      ...own,
    })
    await tellPlayMoved(play, context)
    return viewPlay(play, tellEveryMs)
  },
})
