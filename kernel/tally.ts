import { type Context } from './context'
import { type Field } from './schema'
import { type World } from './world'

/** A changed value is written and told at most once in so long. */
export const tallyWindowMs = 200

/**
 * A value that very many may change at once, such as the counts of a track. Who changes it only adds a row that says how,
 * and waits for nobody; a flusher takes what waits for a target, at most once a window, settles it in one transaction and
 * tells the followers the new value, which is absolute: of two, the one with the greater `rev` is newer.
 */
export interface TallyType<C = unknown, V extends { rev: number } = { rev: number }> {
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The value of a target is a part of the state of the channel `<kind>:<target id>`, by the name `key`. */
  readonly kind: string
  readonly key: string
  readonly change: Field<C>
  readonly value: Field<V>
  /**
   * Adds changes of several targets up, in the order in which they were made, with one update for each target, and does what
   * follows from them. Answers the new values; targets that are gone are left out.
   */
  settle(changes: readonly Waiting<C>[], context: Context): Promise<ReadonlyMap<string, NoInfer<V>>>
  /** The values as they are committed. */
  read(targetIds: readonly string[], world: World): Promise<ReadonlyMap<string, NoInfer<V>>>
}

/** A change that has not been settled yet. */
export interface Waiting<C = unknown> {
  targetId: string
  change: C
}

export type AnyTallyType = TallyType

/** What brings a change about: SQL that returns the rows which it changed, with `:names`. */
export interface Cause {
  sql: string
  names: Record<string, unknown>
}

export const tally = <C, V extends { rev: number }>(declared: TallyType<C, V>): TallyType<C, V> => declared
