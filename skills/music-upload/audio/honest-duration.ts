import { type Heard } from './listen'
import { type AudioFacts } from './probe-audio'
import { Rejection } from './rejection'

const durationMsMin = 1_000
const durationMsMax = 24 * 60 * 60_000
/** How much less than its header promises may come out of a whole file: damage in the middle, or a header that is wrong. */
const missingMsMax = 1_000
const missingShareMax = 0.02
/** Two numbers are rounded. */
const roundingMs = 2

/**
 * How long the sound is, as decoded: headers of some formats only guess.
 * @throws Rejection `too_short`, `too_long`, `no_audio`, `damaged`
 */
export function honestDuration(
  { format, ending, durationMs }: Pick<AudioFacts, 'format' | 'ending' | 'durationMs'>,
  heard: Pick<Heard, 'durationMs'>,
): number {
  const decoded = heard.durationMs
  if (decoded === 0) throw new Rejection('no_audio')
  const promised = format.knowsDuration ? (durationMs ?? 0) : 0
  const mayMissMs = ending === 'unclear' ? roundingMs : Math.max(missingMsMax, promised * missingShareMax)
  if (promised - decoded > mayMissMs) throw new Rejection('damaged')
  if (decoded < durationMsMin) throw new Rejection('too_short')
  if (decoded > durationMsMax) throw new Rejection('too_long')
  return decoded
}
