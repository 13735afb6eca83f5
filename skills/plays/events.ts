import { event } from '../../kernel/events/event'
import { count, boolean, id, timestamp, nullable, shape, outputText } from '../../kernel/pipeline/schema'

/** Sent when a play starts and ends, not at every progress report: another device asks for the current position. */
export const nowPlayingChanged = event({
  name: 'plays.nowPlayingChanged',
  summary: 'A play started or ended on one of your devices',
  description: 'Progress in between is not sent: ask for it when you resume on another device.',
  payload: shape({
    profileId: id,
    playId: id,
    trackId: id,
    device: nullable(outputText),
    positionMs: count,
    isOver: boolean,
    at: timestamp,
  }),
  channels: ({ profileId }) => [`user:${profileId}`],
})
