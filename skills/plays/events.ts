import { event } from '../../kernel/event'
import { count, flag, id, instant, nullable, shape, written } from '../../kernel/schema'

/** Sent when a play starts and ends, not at every progress report: another device asks for the current position. */
export const playMoved = event({
  name: 'plays.playMoved',
  summary: 'A play started or ended on one of your devices',
  description: 'Progress in between is not sent: ask for it when you resume on another device.',
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
