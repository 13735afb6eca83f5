import { type Context } from '../pipeline/context'
import { type EventType } from './event'

/** How a skill reacts to another skill's event, in the same transaction. */
export interface ReactionOptions<P> {
  readonly to: EventType<P>
  /** Why the reaction exists, in a few words. */
  readonly because: string
  react(payload: NoInfer<P>, context: Context): Promise<void>
}

export interface Reaction<P = unknown> extends ReactionOptions<P> {
  readonly declares: 'reaction'
}

export type AnyReaction = Reaction

export const reaction = <P>(declared: ReactionOptions<P>): Reaction<P> => ({ ...declared, declares: 'reaction' })
