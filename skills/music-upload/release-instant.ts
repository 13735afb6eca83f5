import { refusals } from '../../kernel/refusals'
import { releaseAheadMsMax } from './rules'

/**
 * When a track is to be released, of what an artist sent: null when that is at once, which any instant in the past means.
 * @throws `invalid_input` for what is no instant, or too far ahead
 */
export function releaseInstant(text: string | null | undefined, now: Date): Date | null | undefined {
  if (text === null || text === undefined) return text
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw wrong('not_an_instant', 'releaseAt is no instant')
  if (at.getTime() - now.getTime() > releaseAheadMsMax) throw wrong('too_far', 'releaseAt is too far ahead')
  return at > now ? at : null
}

const wrong = (code: string, message: string) =>
  refusals.invalidInput(undefined, { errors: [{ path: 'releaseAt', code, message }] })
