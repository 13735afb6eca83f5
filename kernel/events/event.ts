import { type Actor } from '../pipeline/actor'
import { type Context } from '../pipeline/context'
import { type Field } from '../pipeline/schema'

/**
 * Something that has happened. The payload carries ids and new values, never a delta, so that a repeated delivery is
 * harmless. It is delivered to the followers of its channels and invalidates its stale cache keys.
 */
export interface EventType<P = unknown> {
  /** `skill.pastTense` */
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  readonly payload: Field<P>
  /** The channels it is published on, such as `track:<id>` and `user:<id>`; none when only other skills react to it. */
  channels(payload: P): readonly string[]
  /** Cache keys that it invalidates. */
  staleKeys?(payload: P): readonly string[]
  /** Subscriptions to re-authorise after delivery, because their access may be gone. */
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

/** The event's own channels, plus `rightsChannel` when it revokes access on a channel it is not published on. */
export function channelsOfEvent(type: AnyEventType, payload: unknown): readonly string[] {
  const channels = type.channels(payload)
  const revoked = type.revokesAccess?.(payload)
  const isPublishedThere = revoked?.channel !== undefined && channels.includes(revoked.channel)
  return revoked === undefined || isPublishedThere ? channels : [...channels, accessChannel]
}

export const event = <P>(declared: {
  name: EventType['name']
  summary: string
  description?: string
  payload: Field<P>
  channels(payload: NoInfer<P>): readonly string[]
  staleKeys?(payload: NoInfer<P>): readonly string[]
  revokesAccess?(payload: NoInfer<P>): AccessRevocation
}): EventType<P> => declared

/** An emitted event, as it is stored and delivered. */
export interface EmittedEvent {
  id: string
  name: string
  at: string
  channels: readonly string[]
  data: unknown
}

/** A kind of channel and who may follow `<kind>:<id>`. `load` refuses with `not_found` what the caller may not know of. */
export interface ChannelType<S = unknown> {
  readonly kind: string
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** Followers see who else follows the channel. */
  readonly presence?: true
  /** The channel name alone decides access: nothing is read from the database, so the decision is not cached. */
  readonly allowedByName?: true
  load(id: string, context: Context<Actor>): Promise<S>
  allow(actor: Actor, subject: NoInfer<S>): boolean
}

export type AnyChannelType = ChannelType

export const channel = <S>(declared: ChannelType<S>): ChannelType<S> => declared

/** How a skill reacts to another skill's event, in the same transaction. */
export interface Reaction<P = unknown> {
  readonly to: EventType<P>
  /** Why the reaction exists, in a few words. */
  readonly because: string
  react(payload: NoInfer<P>, context: Context): Promise<void>
}

export type AnyReaction = Reaction

export const reaction = <P>(declared: Reaction<P>): Reaction<P> => declared
