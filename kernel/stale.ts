import { type AnyEventType } from './event'
import { type World } from './world'

interface TypedEvent {
  type: AnyEventType
  data: unknown
}

/** Invalidates stale cache keys and cached channel access, on all nodes, before the events are delivered. Never rejects. */
export async function forgetStale(
  world: Pick<World, 'cache' | 'rights'>,
  events: readonly TypedEvent[],
): Promise<void> {
  const revocations = events.flatMap(({ type, data }) => type.unsettles?.(data) ?? [])
  await world.cache.drop(events.flatMap(({ type, data }) => type.stale?.(data) ?? []))
  await Promise.all(revocations.map(revocation => world.rights.unsettle(revocation)))
}
