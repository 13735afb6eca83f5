import { type Actor } from '../pipeline/actor'
import { type Context } from '../pipeline/context'

/** A kind of channel and who may follow `<kind>:<id>`. `load` refuses with `not_found` what the caller may not know of. */
export interface ChannelOptions<S> {
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

export interface ChannelType<S = unknown> extends ChannelOptions<S> {
  readonly declares: 'channel'
}

export type AnyChannelType = ChannelType

export const channel = <S>(declared: ChannelOptions<S>): ChannelType<S> => ({ ...declared, declares: 'channel' })
