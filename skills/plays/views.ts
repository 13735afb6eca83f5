import { count, flag, id, instant, named, nullable, oneOf, shape, type Value, written } from '../../kernel/schema'
import { type Play } from '../../models'
import { trackView } from '../streaming/views'
import { outcomes } from './rules'

export const outcome = oneOf(...outcomes)

/** A play, as its listener sees it. `outcome` is null as long as it may still count. */
export const playView = named(
  'Play',
  shape({ id, trackId: id, outcome: nullable(outcome), thresholdMs: count, tellEveryMs: count }),
)

export const historyKeeping = shape({ isKept: flag })

/** What somebody listens to, or did last, to be gone on with on another device. */
export const playingView = named(
  'Playing',
  shape({
    playId: id,
    track: trackView,
    /** As the client called it. */
    device: nullable(written),
    positionMs: count,
    at: instant,
  }),
)

export const viewPlay = (
  { id: playId, trackId, outcome: became, thresholdMs }: Play,
  tellEveryMs: number,
): Value<typeof playView> => ({ id: playId, trackId, outcome: became, thresholdMs, tellEveryMs })
