import { refusals } from '../../kernel/refusals'
import { releaseAheadMsMax } from './rules'

/**
 * Parses the release time that an artist sent; null means at once, as does any time in the past.
 * @throws `invalid_input` when it is not a valid time, or too far ahead
 */
export function releaseInstant(text: string | null | undefined, now: Date): Date | null | undefined {
  if (text === null || text === undefined) return text
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw invalid('not_an_instant', 'releaseAt is not a valid time')
  if (at.getTime() - now.getTime() > releaseAheadMsMax) throw invalid('too_far', 'releaseAt is too far in the future')
  return at > now ? at : null
}

const invalid = (code: string, message: string) =>
  refusals.invalidInput(undefined, { errors: [{ path: 'releaseAt', code, message }] })
