import { type Call } from './execute'
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
  const waitMs = await world.limits.take(name, actor?.id ?? `at:${network(address)}`, perMinute)
  if (waitMs > 0) throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}

/** An IPv6 customer owns a /64 at least; counting single addresses there would count nothing. */
function network(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address.replace('::ffff:', '')
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(part => part !== '')
  const right = tail.split(':').filter(part => part !== '')
  const missing = address.includes('::') ? 8 - left.length - right.length : 0
  return [...left, ...Array<string>(Math.max(missing, 0)).fill('0'), ...right].slice(0, 4).join(':')
}
