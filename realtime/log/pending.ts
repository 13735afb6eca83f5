import { type ClientBase } from 'pg'
import { type StreamEvent } from '../../kernel/stream'
import { placingStarving, shardCount, starvingMs } from '../../kernel/world/channel-log'

/** An event that a relay has still to hand on. */
export interface Pending {
  seq: string
  channel: string
  epoch: string
  /** Undefined when the log has forgotten it meanwhile. */
  event: StreamEvent | undefined
  /** Since it was logged, by the clock of PostgreSQL. */
  ageSeconds: number
}

interface Look {
  shards: readonly number[]
  /** The numbers of those that Redis has taken. */
  taken: readonly string[]
  max: number
}

/** Forgets what is taken, gives what was said in these shards its places, and answers the oldest that are to be handed on. */
export async function nextPending(seat: ClientBase, { shards, taken, max }: Look): Promise<Pending[]> {
  const { rows } = await seat.query<Row>({
    name: 'next-to-hand-on',
    text: 'select * from next_to_hand_on($1, $2, $3)',
    values: [shards, taken, max],
  })
  return rows.map(({ seq, channel, epoch, offset, id, name, at_ms: atMs, data, age }) => ({
    seq,
    channel,
    epoch,
    event:
      id === null
        ? undefined
        : { offset: Number(offset), id, name, at: new Date(Math.round(atMs)).toISOString(), data },
    ageSeconds: age,
  }))
}

interface Row {
  seq: string
  channel: string
  epoch: string
  offset: string
  id: string | null
  name: string
  at_ms: number
  data: unknown
  age: number
}

/** Gives places in these shards, which others hold or nobody, where something waits for longer than it should. */
export async function placeStarving(seat: ClientBase, shards: readonly number[]): Promise<void> {
  await seat.query({ ...placingStarving, values: [shards, `${starvingMs} ms`] })
}

/** Seconds since the oldest event was logged that waits to be handed on, by whichever relay; 0 when none does. */
export async function oldestAge(seat: ClientBase): Promise<number> {
  const { rows } = await seat.query<{ age: number }>({ name: 'oldest-age', text: oldest, values: [] })
  return rows[0]?.age ?? 0
}

const oldest = `
  select coalesce(date_part('epoch', clock_timestamp() - min(logged_at)), 0) as age from (
    select logged_at from generate_series(0, ${shardCount - 1}) as shard cross join lateral (
      select logged_at from channel_inbox inbox where inbox.shard = shard.shard order by seq limit 1) as inbox
    union all
    select event.logged_at from (select * from channel_pending order by seq limit 1) as first
    join channel_events event using (channel, "offset", logged_on)
  ) as waiting`
