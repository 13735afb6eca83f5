import { type ConditionalStatement } from './counter-change'
import { type Database } from '../platform/database'
import { type RedisClients } from '../platform/redis'

export type Counters = ReturnType<typeof createCounters>

export interface NewCounterChange {
  counter: string
  targetId: string
  change: unknown
  at: Date
}

/** Called when a target has pending changes. Returns whether this process will flush them. */
type ChangeListener = (target: string) => boolean

/** Pending counter changes, inserted as rows of the transaction that makes them. */
export function createCounters(
  db: Pick<Database, 'query'>,
  { publisher, prefix }: Pick<RedisClients, 'publisher' | 'prefix'>,
) {
  const listeners = new Set<ChangeListener>()
  const topic = `${prefix}:counters`
  return {
    /** The pub/sub topic of notifications, one message per target. */
    topic,

    /**
     * Inserts a pending change if `onlyIf` changes any row, in one statement. Returns whether it did. Locks no row that other
     * changes of the same target need.
     */
    async addChange(
      { counter, targetId, change, at }: NewCounterChange,
      onlyIf: ConditionalStatement = always,
    ): Promise<boolean> {
      const rows = await db.query(
        `with cause as (${onlyIf.sql})
         insert into counter_changes (counter, target_id, change, at)
         select :counterName, cast(:counterTarget as uuid), cast(:counterChange as jsonb), cast(:counterAt as timestamptz)
         from cause returning 1 as added`,
        {
          ...onlyIf.replacements,
          counterName: counter,
          counterTarget: targetId,
          counterChange: JSON.stringify(change),
          counterAt: at,
        },
      )
      return rows.length > 0
    },

    /** Notifies the flusher of pending changes. Best effort: the flusher also polls. */
    notify(targets: ReadonlySet<string>): void {
      for (const target of targets) {
        const isHandledHere = [...listeners].map(listener => listener(target)).includes(true)
        if (!isHandledHere) void publisher.publish(topic, target)
      }
    },

    /** Subscribes to notifications of this process. Returns the unsubscribe function. */
    onNotify(listener: ChangeListener): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

const always: ConditionalStatement = { sql: 'select 1', replacements: {} }

/** Key of a target, in notifications and in memory. */
export const counterTargetKey = (counter: string, targetId: string): string => `${counter} ${targetId}`
