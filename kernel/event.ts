import { type Actor } from './actor'
import { type Context } from './context'
import { type Field } from './schema'

/**
 * Something that has happened. It carries new values and ids, never a difference, so that a repeat does no harm.
 * Whoever follows one of its channels is told; whatever it makes stale leaves the cache.
 */
export interface EventType<P = unknown> {
  /** `skill.pastTense` */
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  readonly payload: Field<P>
  /** The channels that hear it, such as `track:<id>` and `user:<id>`; none when it is said to other skills alone. */
  channels(payload: P): readonly string[]
  /** Keys of the cache that it makes stale. */
  stale?(payload: P): readonly string[]
  /** Whose right to follow what may be gone: it is asked again once they have heard. */
  unsettles?(this: void, payload: P): Unsettled
}

/** The followers of a channel, the channels of a person, or with both the one in the other. */
export interface Unsettled {
  channel?: string
  profileId?: string
}

export type AnyEventType = EventType

/** Every node hears it: rights in doubt that are not told on the channel which they concern. Nobody can follow it. */
export const rightsChannel = 'control:rights'

/** Where an event is told: on its own channels, and to all nodes when it puts rights elsewhere in doubt. */
export function channelsOf(type: AnyEventType, payload: unknown): readonly string[] {
  const channels = type.channels(payload)
  const doubtful = type.unsettles?.(payload)
  const isTold = doubtful?.channel !== undefined && channels.includes(doubtful.channel)
  return doubtful === undefined || isTold ? channels : [...channels, rightsChannel]
}

export const event = <P>(declared: {
  name: EventType['name']
  summary: string
  description?: string
  payload: Field<P>
  channels(payload: NoInfer<P>): readonly string[]
  stale?(payload: NoInfer<P>): readonly string[]
  unsettles?(payload: NoInfer<P>): Unsettled
}): EventType<P> => declared

/** An event that has been announced, as it is stored and delivered. */
export interface Announced {
  id: string
  name: string
  at: string
  channels: readonly string[]
  data: unknown
}

/** A kind of channel: who may follow `kind:<id>`. Its `load` refuses what the caller may not know of. */
export interface ChannelType<S = unknown> {
  readonly kind: string
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** Followers are told who else follows it. */
  readonly presence?: true
  /** Its name alone says who may: nothing is read for it, so that nothing need be remembered. */
  readonly byNameAlone?: true
  load(id: string, context: Context<Actor>): Promise<S>
  allow(actor: Actor, subject: NoInfer<S>): boolean
}

export type AnyChannelType = ChannelType

export const channel = <S>(declared: ChannelType<S>): ChannelType<S> => declared

/** What another skill does about an event, in the transaction of its cause. */
export interface Reaction<P = unknown> {
  readonly to: EventType<P>
  /** Why it exists, in a few words. */
  readonly because: string
  react(payload: NoInfer<P>, context: Context): Promise<void>
}

export type AnyReaction = Reaction

export const reaction = <P>(declared: Reaction<P>): Reaction<P> => declared
