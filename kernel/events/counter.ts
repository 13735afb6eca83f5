import { type Context } from '../pipeline/context'
import { type Field } from '../pipeline/schema'
import { type AppContext } from '../platform/app-context'
import { type CounterChange, type CounterSpec } from './counter-change'

/** A counter is written and published at most once per window. */
export const counterWindowMs = 200

/**
 * A highly contended value, such as the counts of a track. A change only inserts a row and takes no lock on the value. A
 * flusher applies the pending rows of a target in one transaction, at most once per window, and publishes the new absolute
 * value. Of two values the one with the greater `rev` is newer.
 */
export interface CounterOptions<C, V extends { rev: number }> extends CounterSpec<C> {
  readonly summary: string
  /** Rules, limits and exceptions, a sentence each: the description in the generated documents. */
  readonly description?: string
  /** The value is part of the state of the channel `<channelKind>:<target id>`, under the name `stateKey`. */
  readonly channelKind: string
  readonly stateKey: string
  readonly value: Field<V>
  /**
   * Applies the changes of several targets in the order they were made, with one update per target, and whatever follows
   * from them. Returns the new values; deleted targets are left out.
   */
  apply(changes: readonly CounterChange<C>[], context: Context): Promise<ReadonlyMap<string, NoInfer<V>>>
  /** Reads the committed values. */
  read(targetIds: readonly string[], app: AppContext): Promise<ReadonlyMap<string, NoInfer<V>>>
}

export interface CounterType<C = unknown, V extends { rev: number } = { rev: number }> extends CounterOptions<C, V> {
  readonly declares: 'counter'
}

export type AnyCounterType = CounterType

export const counter = <C, V extends { rev: number }>(declared: CounterOptions<C, V>): CounterType<C, V> => ({
  ...declared,
  declares: 'counter',
})
