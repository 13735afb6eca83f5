import { type Heard } from './listen'
import { type AudioFacts } from './probe-audio'
import { Rejection } from './rejection'

const durationMsMin = 1_000
const durationMsMax = 24 * 60 * 60_000
/** How much less than its header promises may come out of a whole file. */
const missingMsMax = 1_000
const missingShareMax = 0.02

/**
 * How long the sound is, as decoded: headers of some formats only guess.
 * @throws Rejection `too_short`, `too_long`, `no_audio`, `damaged`
 */
export function honestDuration(
  { format, durationMs }: Pick<AudioFacts, 'format' | 'durationMs'>,
  heard: Pick<Heard, 'durationMs'>,
): number {
  const decoded = heard.durationMs
  if (decoded === 0) throw new Rejection('no_audio')
  const promised = format.knowsDuration ? (durationMs ?? 0) : 0
  if (promised - decoded > Math.max(missingMsMax, promised * missingShareMax)) throw new Rejection('damaged')
  if (decoded < durationMsMin) throw new Rejection('too_short')
  if (decoded > durationMsMax) throw new Rejection('too_long')
  return decoded
}
