import { type AnyEventType } from './event'
import { type World } from './world'

interface Happened {
  type: AnyEventType
  data: unknown
}

/** Forgets what events make untrue or doubtful, on all nodes, before anybody hears of them. Never rejects. */
export async function forgetStale(
  world: Pick<World, 'cache' | 'rights'>,
  happened: readonly Happened[],
): Promise<void> {
  const doubts = happened.flatMap(({ type, data }) => type.unsettles?.(data) ?? [])
  await world.cache.drop(happened.flatMap(({ type, data }) => type.stale?.(data) ?? []))
  await Promise.all(doubts.map(doubtful => world.rights.unsettle(doubtful)))
}
