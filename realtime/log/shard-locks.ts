import { type ClientBase } from 'pg'
import { allShards, shardCount } from '../../kernel/events/channel-log'

/** The `application_name` of relay connections, by which they count each other. */
export const relayConnectionName = 'tutti-relay'
/** First key of the advisory lock of a shard; must be unique in this database. */
const lockSpace = 7_283_333

/** The shard locks of one relay connection. Relays share the shards evenly; a closed connection releases its locks to the others. */
export class ShardLocks {
  private readonly locked = new Set<number>()

  get shards(): readonly number[] {
    return [...this.locked]
  }

  get otherShards(): readonly number[] {
    return allShards.filter(shard => !this.locked.has(shard))
  }

  has(shard: number): boolean {
    return this.locked.has(shard)
  }

  get hasAny(): boolean {
    return this.locked.size > 0
  }

  get hasAll(): boolean {
    return this.locked.size === shardCount
  }

  /** Locks free shards up to a fair share, and releases those beyond it. */
  async rebalance(connection: ClientBase): Promise<void> {
    const { rows } = await connection.query<{ relays: string }>({
      name: 'count-relays',
      text: `select count(*) as relays from pg_stat_activity
             where application_name = $1 and datname = current_database()`,
      values: [relayConnectionName],
    })
    const fair = Math.ceil(shardCount / Math.max(Number(rows[0]?.relays ?? 1), 1))
    for (let shard = 0; shard < shardCount && this.locked.size < fair; shard += 1)
      if (!this.locked.has(shard)) await this.take(connection, shard)
    for (const shard of this.locked) if (this.locked.size > fair) await this.release(connection, shard)
  }

  async releaseAll(connection: ClientBase): Promise<void> {
    for (const shard of this.locked) await this.release(connection, shard)
  }

  private async take(connection: ClientBase, shard: number): Promise<void> {
    const { rows } = await connection.query<{ got: boolean }>({
      name: 'take-shard',
      text: 'select pg_try_advisory_lock($1, $2) as got',
      values: [lockSpace, shard],
    })
    if (rows[0]?.got === true) this.locked.add(shard)
  }

  private async release(connection: ClientBase, shard: number): Promise<void> {
    this.locked.delete(shard)
    await connection.query('select pg_advisory_unlock($1, $2)', [lockSpace, shard])
  }
}
