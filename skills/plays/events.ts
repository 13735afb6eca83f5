import { event } from '../../kernel/events/event'
import { id, shape } from '../../kernel/pipeline/schema'
import { playbackFields } from './views'

/** Sent when a play starts and ends, not at every progress report: another device asks for the current position. */
export const nowPlayingChanged = event({
  name: 'plays.nowPlayingChanged',
  summary: 'A play started or ended on one of your devices',
  description: 'Progress in between is not sent: ask for it when you resume on another device.',
  payload: shape({ profileId: id, ...playbackFields }),
  channels: ({ profileId }) => [`user:${profileId}`],
})
