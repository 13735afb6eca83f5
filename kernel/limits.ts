import { type Call } from './execute'
import { networkOf } from './network'
import { type AnyOperation } from './operation'
import { refusals } from './refusals'
import { type World } from './world'

/**
 * Counts a call against the operation's rate limit: per profile across both transports and all nodes, per network for
 * anonymous callers.
 * @throws `too_many_requests` with `retryAfter` in seconds.
 */
export async function countAgainstLimit(world: World, op: AnyOperation, call: Call): Promise<void> {
  await takeFrom(world, op.name, op.limit.perMinute, call)
}

/** Counts against a rate limit that belongs to no operation, such as following a channel. */
export async function takeFrom(
  world: World,
  name: string,
  perMinute: number,
  { actor, address }: Pick<Call, 'actor' | 'address'>,
): Promise<void> {
  const waitMs = await world.limits.take(name, actor?.id ?? `at:${networkOf(address)}`, perMinute)
  if (waitMs > 0) throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}
