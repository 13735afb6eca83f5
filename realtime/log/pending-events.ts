import { type ClientBase } from 'pg'
import { type ChannelEvent } from '../../kernel/events/frames'
import { assignOverdueOffsetsStatement, shardCount, overdueMs } from '../../kernel/events/channel-log'

/** An event that a relay has not published to Redis yet. */
export interface PendingEvent {
  seq: string
  channel: string
  epoch: string
  /** Undefined when the log's retention has deleted it meanwhile. */
  event: ChannelEvent | undefined
  /** Age since it was logged, by the clock of PostgreSQL. */
  ageSeconds: number
}

interface PendingRequest {
  shards: readonly number[]
  /** `seq` numbers of the events that Redis has taken. */
  taken: readonly string[]
  max: number
}

/** Deletes the taken rows, assigns offsets to the inbox of these shards, and returns the oldest pending events. One query. */
export async function nextPendingEvents(
  connection: ClientBase,
  { shards, taken, max }: PendingRequest,
): Promise<PendingEvent[]> {
  const { rows } = await connection.query<Row>({
    name: 'next-pending-events',
    text: 'select * from next_pending_events($1, $2, $3)',
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

/** Assigns offsets to overdue inbox events of shards that another relay, or none, holds. */
export async function assignOverdueOffsets(connection: ClientBase, shards: readonly number[]): Promise<void> {
  await connection.query({ ...assignOverdueOffsetsStatement, values: [shards, `${overdueMs} ms`] })
}

/** Age in seconds of the oldest event in any shard that is not published yet; 0 when there is none. */
export async function oldestPendingAge(connection: ClientBase): Promise<number> {
  const { rows } = await connection.query<{ age: number }>({ name: 'oldest-age', text: oldest, values: [] })
  return rows[0]?.age ?? 0
}

const oldest = `
  select coalesce(date_part('epoch', clock_timestamp() - min(logged_at)), 0) as age from (
    select logged_at from generate_series(0, ${shardCount - 1}) as shard cross join lateral (
      select logged_at from event_inbox inbox where inbox.shard = shard.shard order by seq limit 1) as inbox
    union all
    select event.logged_at from (select * from pending_events order by seq limit 1) as first
    join channel_events event using (channel, "offset", logged_on)
  ) as waiting`
