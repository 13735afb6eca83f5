import { type Cause } from '../tally'
import { type Database } from './database'
import { type RedisClients } from './redis'

export type Tallies = ReturnType<typeof createTallies>

export interface NewChange {
  tally: string
  targetId: string
  change: unknown
  at: Date
}

/** Hears that changes of a target wait; says whether it will see to them. */
type RingListener = (target: string) => boolean

/** Changes of tallies that wait to be settled, as rows of the transaction that made them. */
export function createTallies(
  db: Pick<Database, 'query'>,
  { publisher, prefix }: Pick<RedisClients, 'publisher' | 'prefix'>,
) {
  const listeners = new Set<RingListener>()
  const topic = `${prefix}:tallies`
  return {
    /** Where rings are published: one line for each target. */
    topic,

    /**
     * Adds a change if its cause changes anything; says whether it did. They are one statement, so that neither is there
     * without the other; no row is locked that another change of the same target waits for.
     */
    async change({ tally, targetId, change, at }: NewChange, cause: Cause = always): Promise<boolean> {
      const rows = await db.query(
        `with cause as (${cause.sql})
         insert into tally_changes (tally, target_id, change, at)
         select :tallyName, cast(:tallyTarget as uuid), cast(:tallyChange as jsonb), cast(:tallyAt as timestamptz)
         from cause returning 1 as added`,
        { ...cause.names, tallyName: tally, tallyTarget: targetId, tallyChange: JSON.stringify(change), tallyAt: at },
      )
      return rows.length > 0
    },

    /** Tells whoever flushes that changes wait. A lost ring is made up for by polling. */
    ring(targets: ReadonlySet<string>): void {
      for (const target of targets) {
        const isHeard = [...listeners].map(listener => listener(target)).includes(true)
        if (!isHeard) void publisher.publish(topic, target)
      }
    },

    /** Hears the rings of this process. Call what it answers to hear no more. */
    onRing(listener: RingListener): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

const always: Cause = { sql: 'select 1', names: {} }

/** How a target is named between nodes and in memory. */
export const targetName = (tally: string, targetId: string): string => `${tally} ${targetId}`
