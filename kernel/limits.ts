import { type Call } from './execute'
import { networkOf } from './network'
import { type AnyOperation } from './operation'
import { refusals } from './refusals'
import { type World } from './world'

/**
 * Counts a call against the operation's limit: per person over both doors and all nodes, per address for those who are
 * not signed in.
 * @throws `too_many_requests` with the seconds to wait.
 */
export async function countAgainstLimit(world: World, op: AnyOperation, call: Call): Promise<void> {
  await takeFrom(world, op.name, op.limit.perMinute, call)
}

/** The same for what is not an operation, such as following a channel. */
export async function takeFrom(
  world: World,
  name: string,
  perMinute: number,
  { actor, address }: Pick<Call, 'actor' | 'address'>,
): Promise<void> {
  const waitMs = await world.limits.take(name, actor?.id ?? `at:${networkOf(address)}`, perMinute)
  if (waitMs > 0) throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}
