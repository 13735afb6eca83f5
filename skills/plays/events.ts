import { event } from '../../kernel/event'
import { count, flag, id, instant, nullable, shape, written } from '../../kernel/schema'

/** Told when a play begins and when it is over, not at every step: a device that goes on asks where it is. */
export const playMoved = event({
  name: 'plays.playMoved',
  summary: 'You began to listen to a track on one of your devices, or are done with it.',
  payload: shape({
    profileId: id,
    playId: id,
    trackId: id,
    device: nullable(written),
    positionMs: count,
    isOver: flag,
    at: instant,
  }),
  channels: ({ profileId }) => [`user:${profileId}`],
})
