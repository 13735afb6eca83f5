import { type AudioMeasurements } from './measure-audio'
import { type ProbedAudio } from './probe-audio'
import { Rejection } from './rejection'

const durationMsMin = 1_000
const durationMsMax = 24 * 60 * 60_000
/** Tolerated loss of decoded audio against the header in a complete file: damage in the middle, or a wrong header. */
const missingMsMax = 1_000
const missingShareMax = 0.02
/** Both durations are rounded. */
const roundingMs = 2

/**
 * Returns the decoded duration after checking it: the headers of some formats only estimate it.
 * @throws Rejection `too_short`, `too_long`, `no_audio_stream`, `damaged`
 */
export function verifyDuration(
  { format, completeness, durationMs }: Pick<ProbedAudio, 'format' | 'completeness' | 'durationMs'>,
  measured: Pick<AudioMeasurements, 'durationMs'>,
): number {
  const decoded = measured.durationMs
  if (decoded === 0) throw new Rejection('no_audio_stream')
  const expected = format.knowsDuration ? (durationMs ?? 0) : 0
  const mayMissMs = completeness === 'unclear' ? roundingMs : Math.max(missingMsMax, expected * missingShareMax)
  if (expected - decoded > mayMissMs) throw new Rejection('damaged')
  if (decoded < durationMsMin) throw new Rejection('too_short')
  if (decoded > durationMsMax) throw new Rejection('too_long')
  return decoded
}
