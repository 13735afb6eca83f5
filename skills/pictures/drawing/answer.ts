import { type FaultCode, faults } from './rejection'

/** What the program that draws a picture says in the end. */
export type Answer =
  { color: string } | { rejected: FaultCode } | { suspected: FaultCode; why: string } | { failed: string }

/** Whoever got the better of that program must not get the better of us: only what is known is believed. */
export function parseAnswer(text: string): Answer {
  const { color, rejected, suspected, why, failed } = Object(JSON.parse(text)) as Record<string, unknown>
  if (typeof color === 'string' && /^#[0-9a-f]{6}$/.test(color)) return { color }
  if (isFault(rejected)) return { rejected }
  if (isFault(suspected) && typeof why === 'string') return { suspected, why }
  return { failed: typeof failed === 'string' ? failed : 'nothing that is known' }
}

const isFault = (code: unknown): code is FaultCode => typeof code === 'string' && Object.hasOwn(faults, code)
