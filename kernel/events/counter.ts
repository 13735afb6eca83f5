import { type Context } from '../pipeline/context'
import { type Field } from '../pipeline/schema'
import { type AppContext } from '../platform/app-context'

/** A counter is written and published at most once per window. */
export const counterWindowMs = 200

/**
 * A highly contended value, such as the counts of a track. A change only inserts a row and takes no lock on the value. A
 * flusher applies the pending rows of a target in one transaction, at most once per window, and publishes the new absolute
 * value. Of two values the one with the greater `rev` is newer.
 */
export interface CounterType<C = unknown, V extends { rev: number } = { rev: number }> {
  readonly name: `${string}.${string}`
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The value is part of the state of the channel `<kind>:<target id>`, under the name `key`. */
  readonly channelKind: string
  readonly stateKey: string
  readonly change: Field<C>
  readonly value: Field<V>
  /**
   * Applies the changes of several targets in the order they were made, with one update per target, and whatever follows
   * from them. Returns the new values; deleted targets are left out.
   */
  apply(changes: readonly CounterChange<C>[], context: Context): Promise<ReadonlyMap<string, NoInfer<V>>>
  /** Reads the committed values. */
  read(targetIds: readonly string[], app: AppContext): Promise<ReadonlyMap<string, NoInfer<V>>>
}

/** A pending change. */
export interface CounterChange<C = unknown> {
  targetId: string
  change: C
}

export type AnyCounterType = CounterType

/** A statement with `:names` and a `returning` clause: the counter changes only if it returns rows. */
export interface ConditionalStatement {
  sql: string
  replacements: Record<string, unknown>
}

export const counter = <C, V extends { rev: number }>(declared: CounterType<C, V>): CounterType<C, V> => declared
