import { type ClientBase } from 'pg'
import { allShards, shardCount } from '../../kernel/world/channel-log'

/** Every session of this name wants its share. */
export const seatName = 'tutti-relay'
/** Any number that nobody else uses: the first half of the lock of a shard. */
const lockSpace = 7_283_333

/** The shards that one session holds. Sessions share them out evenly; one that ends leaves its shards to the others. */
export class Shards {
  private readonly held = new Set<number>()

  get list(): readonly number[] {
    return [...this.held]
  }

  get others(): readonly number[] {
    return allShards.filter(shard => !this.held.has(shard))
  }

  has(shard: number): boolean {
    return this.held.has(shard)
  }

  get any(): boolean {
    return this.held.size > 0
  }

  get isAll(): boolean {
    return this.held.size === shardCount
  }

  /** Takes what is free up to a fair share, and gives back what is beyond it. */
  async rebalance(seat: ClientBase): Promise<void> {
    const { rows } = await seat.query<{ seats: string }>({
      name: 'relay-seats',
      text: `select count(*) as seats from pg_stat_activity
             where application_name = $1 and datname = current_database()`,
      values: [seatName],
    })
    const fair = Math.ceil(shardCount / Math.max(Number(rows[0]?.seats ?? 1), 1))
    for (let shard = 0; shard < shardCount && this.held.size < fair; shard += 1)
      if (!this.held.has(shard)) await this.take(seat, shard)
    for (const shard of this.held) if (this.held.size > fair) await this.release(seat, shard)
  }

  async releaseAll(seat: ClientBase): Promise<void> {
    for (const shard of this.held) await this.release(seat, shard)
  }

  private async take(seat: ClientBase, shard: number): Promise<void> {
    const { rows } = await seat.query<{ got: boolean }>({
      name: 'take-shard',
      text: 'select pg_try_advisory_lock($1, $2) as got',
      values: [lockSpace, shard],
    })
    if (rows[0]?.got === true) this.held.add(shard)
  }

  private async release(seat: ClientBase, shard: number): Promise<void> {
    this.held.delete(shard)
    await seat.query('select pg_advisory_unlock($1, $2)', [lockSpace, shard])
  }
}
