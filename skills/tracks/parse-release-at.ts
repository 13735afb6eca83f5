import { refusals } from '../../kernel/pipeline/refusals'
import { releaseAheadMsMax } from '../music-upload/rules'

/**
 * Parses the release time that an artist sent; null means at once, as does any time in the past.
 * @throws `invalid_input` when it is not a valid time, or too far ahead
 */
export function parseReleaseAt(text: string | null | undefined, now: Date): Date | null | undefined {
  if (text === null || text === undefined) return text
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw invalid('invalid_timestamp', 'releaseAt is not a valid time')
  if (at.getTime() - now.getTime() > releaseAheadMsMax)
    throw invalid('too_far_ahead', 'releaseAt is too far in the future')
  return at > now ? at : null
}

const invalid = (code: string, message: string) =>
  refusals.invalidInput(undefined, { errors: [{ path: 'releaseAt', code, message }] })
