import { type AnyEventType } from '../events/event'
import { type AppContext } from '../platform/app-context'

interface TypedEvent {
  type: AnyEventType
  data: unknown
}

/** Invalidates stale cache keys and cached channel access, on all nodes, before the events are delivered. Never rejects. */
export async function invalidate(
  app: Pick<AppContext, 'cache' | 'channelAccess'>,
  events: readonly TypedEvent[],
): Promise<void> {
  const revocations = events.flatMap(({ type, data }) => type.revokesAccess?.(data) ?? [])
  await app.cache.invalidate(events.flatMap(({ type, data }) => type.staleKeys?.(data) ?? []))
  await Promise.all(revocations.map(revocation => app.channelAccess.revoke(revocation)))
}
