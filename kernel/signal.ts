import { type Field } from './schema'

/**
 * Something that followers of a channel tell each other and that may be lost, such as typing: nothing is stored, nobody is
 * asked, it reaches who listens at the moment, once or not at all. What must arrive is an event.
 */
export interface SignalType<D = unknown> {
  /** `skill.whatGoesOn` */
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The kind of channel on which it may be sent. */
  readonly on: string
  readonly data: Field<D>
}

export type AnySignalType = SignalType

export const signal = <D>(declared: SignalType<D>): SignalType<D> => declared
