import { type RefusalKind } from './refusals'

/**
 * Refuses one more row than `max` may be pending. `pending`: those that there are, the first to expire first.
 * `retryAfter`: when that one expires.
 */
export function refuseTooMany(
  pending: readonly { expiresAt: Date }[],
  max: number,
  now: Date,
  tooMany: RefusalKind,
): void {
  const [first] = pending
  if (first === undefined || pending.length < max) return
  // A row that is being processed may be past its expiry.
  const waitMs = Math.max(first.expiresAt.getTime() - now.getTime(), 1_000)
  throw tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1_000) })
}
