import { type ClientBase } from 'pg'
import { type StreamEvent } from '../../kernel/stream'

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

/** The shards, but for one's own, in which something waits for longer than whoever holds them should take. */
export async function starvingShards(seat: ClientBase, own: readonly number[]): Promise<readonly number[]> {
  const { rows } = await seat.query<{ shards: number[] | null }>({
    name: 'starving-shards',
    text: `select array_agg(distinct shard) as shards from channel_inbox
           where logged_at < now() - interval '${starvingMs} ms' and not shard = any($1)`,
    values: [own],
  })
  return rows[0]?.shards ?? []
}

const starvingMs = 250
