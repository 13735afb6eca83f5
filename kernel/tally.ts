import { type Context } from './context'
import { type Field } from './schema'
import { type World } from './world'

/** A counter is written and published at most once per window. */
export const tallyWindowMs = 200

/**
 * A highly contended value, such as the counts of a track. A change only inserts a row and takes no lock on the value. A
 * flusher applies the pending rows of a target in one transaction, at most once per window, and publishes the new absolute
 * value. Of two values the one with the greater `rev` is newer.
 */
export interface TallyType<C = unknown, V extends { rev: number } = { rev: number }> {
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The value is part of the state of the channel `<kind>:<target id>`, under the name `key`. */
  readonly kind: string
  readonly key: string
  readonly change: Field<C>
  readonly value: Field<V>
  /**
   * Applies the changes of several targets in the order they were made, with one update per target, and whatever follows
   * from them. Returns the new values; deleted targets are left out.
   */
  settle(changes: readonly Waiting<C>[], context: Context): Promise<ReadonlyMap<string, NoInfer<V>>>
  /** Reads the committed values. */
  read(targetIds: readonly string[], world: World): Promise<ReadonlyMap<string, NoInfer<V>>>
}

/** A pending change. */
export interface Waiting<C = unknown> {
  targetId: string
  change: C
}

export type AnyTallyType = TallyType

/** A statement with `:names` and a `returning` clause: the counter changes only if it returns rows. */
export interface Cause {
  sql: string
  names: Record<string, unknown>
}

export const tally = <C, V extends { rev: number }>(declared: TallyType<C, V>): TallyType<C, V> => declared
