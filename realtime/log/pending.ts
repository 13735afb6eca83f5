import { type ClientBase } from 'pg'
import { type StreamEvent } from '../../kernel/stream'
import { instantText } from '../../kernel/world/channel-log'

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
  /** The numbers of those that are done with. */
  taken: readonly string[]
  max: number
}

/** Deletes what is taken, and answers the oldest other rows of the shards, in order. */
export async function nextPending(seat: ClientBase, { shards, taken, max }: Look): Promise<Pending[]> {
  const { rows } = await seat.query<Row>({ name: 'channel-pending', text: next, values: [shards, taken, max] })
  return rows.map(({ seq, channel, epoch, offset, id, name, at, data, age }) => ({
    seq,
    channel,
    epoch,
    event: id === null ? undefined : { offset: Number(offset), id, name, at, data },
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
  at: string
  data: unknown
  age: number
}

const next = `
  with gone as (delete from channel_pending where seq = any($2))
  select seq, pending.channel, (select log_epoch()) as epoch, pending."offset", id, event.name, ${instantText('at')} as at, data,
    coalesce(extract(epoch from clock_timestamp() - logged_at), 0)::float8 as age
  from (
    select * from channel_pending where shard = any($1) and not seq = any($2) order by seq limit $3
  ) pending
  left join channel_events event using (channel, "offset", logged_on)
  order by seq`
