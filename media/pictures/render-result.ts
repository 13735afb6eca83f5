import { type RejectionCode, rejectionReasons } from './rejection'

/** Result of the rendering process. */
export type RenderResult =
  { color: string } | { rejected: RejectionCode } | { suspected: RejectionCode; why: string } | { failed: string }

/** Validates the result: a compromised rendering process must not control the worker. */
export function parseRenderResult(text: string): RenderResult {
  const { color, rejected, suspected, why, failed } = Object(JSON.parse(text)) as Record<string, unknown>
  if (typeof color === 'string' && /^#[0-9a-f]{6}$/.test(color)) return { color }
  if (isRejectionCode(rejected)) return { rejected }
  if (isRejectionCode(suspected) && typeof why === 'string') return { suspected, why }
  return { failed: typeof failed === 'string' ? failed : 'an unknown answer' }
}

const isRejectionCode = (code: unknown): code is RejectionCode =>
  typeof code === 'string' && Object.hasOwn(rejectionReasons, code)
