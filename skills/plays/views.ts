import {
  count,
  boolean,
  id,
  timestamp,
  named,
  nullable,
  oneOf,
  shape,
  type Value,
  outputText,
} from '../../kernel/pipeline/schema'
import { type Play } from '../../models'
import { trackView } from '../tracks/views'
import { outcomes } from './rules'

export const outcome = oneOf(...outcomes)

/** A play as its listener sees it. `outcome` is null while the play may still count. */
export const playView = named(
  'Play',
  shape({ id, trackId: id, outcome: nullable(outcome), thresholdMs: count, reportIntervalMs: count }),
)

export const historySettings = shape({ enabled: boolean })

/** The listener's current or latest play, to resume on another device. */
export const nowPlayingView = named(
  'NowPlaying',
  shape({
    playId: id,
    track: trackView,
    /** The name that the client sent. */
    device: nullable(outputText),
    positionMs: count,
    at: timestamp,
  }),
)

export const viewPlay = (
  { id: playId, trackId, outcome: playOutcome, thresholdMs }: Play,
  reportIntervalMs: number,
): Value<typeof playView> => ({ id: playId, trackId, outcome: playOutcome, thresholdMs, reportIntervalMs })

/** Where a play is, for the listener's other devices. */
export const playbackFields = {
  playId: id,
  trackId: id,
  device: nullable(outputText),
  positionMs: count,
  ended: boolean,
  at: timestamp,
}

export const viewPlayback = ({ id: playId, trackId, device, positionMs, ended }: Play, now: Date) => ({
  ...{ playId, trackId, device, positionMs, ended, at: now.toISOString() },
})
