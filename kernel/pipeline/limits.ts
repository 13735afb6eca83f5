import { type Call } from './call'
import { networkPrefix } from './network'
import { type AnyOperation } from './operation'
import { refusals } from './refusals'
import { type AppContext } from '../platform/app-context'

/**
 * Counts a call against the operation's rate limit: per profile across both transports and all nodes, per network for
 * anonymous callers.
 * @throws `too_many_requests` with `retryAfter` in seconds.
 */
export async function consumeOperationLimit(app: AppContext, op: AnyOperation, call: Call): Promise<void> {
  await consumeLimit(app, op.name, op.limit.perMinute, call)
}

/** Counts against a rate limit that belongs to no operation, such as following a channel. */
export async function consumeLimit(
  app: AppContext,
  name: string,
  perMinute: number,
  { actor, ipAddress }: Pick<Call, 'actor' | 'ipAddress'>,
): Promise<void> {
  const waitMs = await app.rateLimiter.consume(name, actor?.id ?? `network:${networkPrefix(ipAddress)}`, perMinute)
  if (waitMs > 0) throw refusals.tooManyRequests(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}
