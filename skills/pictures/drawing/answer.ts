import { type FaultCode, faults } from './rejection'

/** What the program that draws a picture says in the end. */
export type Answer =
  { color: string } | { rejected: FaultCode } | { suspected: FaultCode; why: string } | { failed: string }

/** @throws when these are not the words of that program: whoever got the better of it must not get the better of us. */
export function parseAnswer(text: string): Answer {
  const said: unknown = JSON.parse(text)
  const { color, rejected, suspected, why, failed } = Object(said) as Record<string, unknown>
  if (typeof color === 'string' && /^#[0-9a-f]{6}$/.test(color)) return { color }
  if (isFault(rejected)) return { rejected }
  if (isFault(suspected)) return { suspected, why: String(why) }
  return { failed: String(failed) }
}

const isFault = (code: unknown): code is FaultCode => typeof code === 'string' && Object.hasOwn(faults, code)
