import { type Announced } from '../event'
import { type Database } from './database'
import { type RedisClients } from './redis'

export type EventLog = ReturnType<typeof createEventLog>

/**
 * Where announced events wait until they are delivered: rows of the transaction that caused them, so that cause and
 * event exist together or not at all. How they reach their followers is the realtime room's affair.
 */
export function createEventLog(db: Database, redis: RedisClients) {
  return {
    /** The last statement of a business transaction. */
    async append(events: readonly Announced[]): Promise<void> {
      if (events.length === 0) return
      const rows = events.map(({ id, name, at, channels, data }) => ({ id, name, at, channels, data }))
      await db.query(
        `insert into pending_events (id, name, at, channels, data)
         select id, name, at, channels, data from jsonb_to_recordset(cast(:rows as jsonb))
           as row (id uuid, name text, at timestamptz, channels jsonb, data jsonb)`,
        { rows: JSON.stringify(rows) },
      )
    },

    /** Tells whoever delivers that there is something to deliver. A lost call is made up for by polling. */
    wake(): void {
      void redis.publisher.publish(`${redis.prefix}:wake`, '')
    },
  }
}
