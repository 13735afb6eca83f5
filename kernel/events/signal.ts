import { type Field } from '../pipeline/schema'

/**
 * An ephemeral message between the followers of a channel, such as typing. It is not stored and is delivered at most once, to
 * those connected now. Use an event for anything that must arrive.
 */
export interface SignalOptions<D> {
  /** `skill.name`, such as `playlists.editing`. */
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The kind of channel it may be sent on. */
  readonly channelKind: string
  readonly data: Field<D>
}

export interface SignalType<D = unknown> extends SignalOptions<D> {
  readonly declares: 'signal'
}

export type AnySignalType = SignalType

export const signal = <D>(declared: SignalOptions<D>): SignalType<D> => ({ ...declared, declares: 'signal' })
