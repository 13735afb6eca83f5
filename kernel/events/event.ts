import { type Field } from '../pipeline/schema'

/**
 * Something that has happened. The payload carries ids and new values, never a delta, so that a repeated delivery is
 * harmless. It is delivered to the followers of its channels and invalidates its stale cache keys.
 */
export interface EventType<P = unknown> {
  readonly declares: 'event'
  /** `skill.pastTense` */
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  readonly payload: Field<P>
  /** The channels it is published on, such as `track:<id>` and `user:<id>`. Without it only other skills react to the event. */
  channels?(payload: P): readonly string[]
  /** Cache keys that it invalidates. */
  staleKeys?(payload: P): readonly string[]
  /** Subscriptions to re-authorize after delivery, because their access may be gone. */
  revokesAccess?(this: void, payload: P): AccessRevocation
}

/** All followers of a channel, all channels of a profile, or with both that profile on that channel. */
export interface AccessRevocation {
  channel?: string
  profileId?: string
}

export type AnyEventType = EventType

/** Internal channel that every node subscribes to: access revocations of other channels. Clients cannot follow it. */
export const accessChannel = 'control:access'

/** Whether clients receive the event; others exist for the reactions of other skills alone. */
export const isPublished = (type: AnyEventType): boolean => type.channels !== undefined

/** The event's own channels, plus `accessChannel` when it revokes access on a channel it is not published on. */
export function channelsOfEvent(type: AnyEventType, payload: unknown): readonly string[] {
  const channels = type.channels?.(payload) ?? []
  const revoked = type.revokesAccess?.(payload)
  const isPublishedThere = revoked?.channel !== undefined && channels.includes(revoked.channel)
  return revoked === undefined || isPublishedThere ? channels : [...channels, accessChannel]
}

export const event = <P>(declared: {
  name: EventType['name']
  summary: string
  description?: string
  payload: Field<P>
  channels?(payload: NoInfer<P>): readonly string[]
  staleKeys?(payload: NoInfer<P>): readonly string[]
  revokesAccess?(payload: NoInfer<P>): AccessRevocation
}): EventType<P> => ({ ...declared, declares: 'event' })

/** An emitted event, as it is stored and delivered. */
export interface EmittedEvent {
  id: string
  name: string
  at: string
  channels: readonly string[]
  data: unknown
}
