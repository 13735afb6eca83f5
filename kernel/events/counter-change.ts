import { type Field } from '../pipeline/schema'

/** What changing a counter needs to know of it. */
export interface CounterSpec<C = unknown> {
  readonly name: `${string}.${string}`
  readonly change: Field<C>
}

/** A pending change. */
export interface CounterChange<C = unknown> {
  targetId: string
  change: C
}

/** A statement with `:names` and a `returning` clause: the counter changes only if it returns rows. */
export interface ConditionalStatement {
  sql: string
  replacements: Record<string, unknown>
}
