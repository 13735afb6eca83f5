import { type QueryConfig } from 'pg'
import { type Announced } from '../event'
import { type Position, type StreamEvent } from '../stream'
import { type Database } from './database'
import { type RedisClients } from './redis'

/** So long an epoch that was read is believed: it changes with a failover or a restore only. */
const epochMs = 1_000

export type ChannelLog = ReturnType<typeof createChannelLog>

type WakeListener = (shard: number) => boolean

/** What a read of the log gives: one moment of it. */
export interface LogPart {
  epoch: string
  top: number
  events: StreamEvent[]
}

/**
 * The log of every channel in PostgreSQL, the only truth about what happened in which order. Offsets have no gaps and follow
 * the commits: they are given, by one at a time, to all that is committed by then, in the order in which it was said. Relays
 * do so, many events at once; whoever reads gives those that are still missing, so that what is committed is always there.
 */
export function createChannelLog(db: Database, redis: RedisClients, now: () => number) {
  const listeners = new Set<WakeListener>()
  const topic = `${redis.prefix}:wake`
  let epoch: { text: Promise<string>; until: number } | undefined

  const tell = (shard: number): boolean => [...listeners].map(listener => listener(shard)).includes(true)

  async function readEpoch(): Promise<string> {
    const statement = { name: 'log-epoch', text: 'select log_epoch() as epoch', values: [] }
    const [row] = await db.read<{ epoch: string }>(statement)
    return row?.epoch ?? ''
  }

  return {
    /**
     * The last statement of a business transaction, and its commit. It waits for nobody: the events get their places after it.
     * Answers the shards that have something to hand on, for `wake`.
     */
    async append(events: readonly Announced[]): Promise<readonly number[]> {
      const said = events.flatMap(({ channels, id, name, at, data }) => {
        const text = JSON.stringify(data)
        return [...new Set(channels)].map(channel => ({ shard: shardOf(channel), channel, id, name, at, data: text }))
      })
      if (said.length === 0) return []
      await db.commitWith(appendOf(said))
      return [...new Set(said.map(({ shard }) => shard))]
    },

    /** Tells the relays of these shards, wherever they are. A lost call is made up for by polling. */
    wake(shards: readonly number[]): void {
      const elsewhere = shards.filter(shard => !tell(shard))
      if (elsewhere.length > 0) void redis.publisher.publish(topic, elsewhere.join(' '))
    },

    /** Hears of every shard that has something to hand on; answers whether it is in its hands. */
    onWake(listener: WakeListener): Disposable {
      const onMessage = (from: string, shards: string) => {
        if (from === topic) for (const shard of shards.split(' ')) listener(Number(shard))
      }
      listeners.add(listener)
      redis.subscriber.on('message', onMessage)
      redis.subscriber.subscribe(topic).catch(() => undefined)
      return {
        [Symbol.dispose]: () => {
          listeners.delete(listener)
          redis.subscriber.off('message', onMessage)
        },
      }
    },

    /** Where a channel is. Read it before the state that it is to stand for: what comes after is then told again, not lost. */
    async position(channel: string): Promise<Position> {
      const [known, tops] = await Promise.all([this.epoch(), this.tops([channel])])
      return { epoch: known, offset: tops.get(channel) ?? 0 }
    },

    /** At most `max` events after an offset, in order. */
    async after(channel: string, offset: number, max: number): Promise<LogPart> {
      const [row] = await db.read<{ epoch: string; top: string; events: StreamEvent[] }>({
        name: 'channel-events-after',
        text: 'select * from channel_after($1, $2, $3, $4)',
        values: [channel, shardOf(channel), offset, max],
      })
      return { epoch: row?.epoch ?? '', top: Number(row?.top ?? 0), events: row?.events ?? [] }
    },

    /**
     * Gives places to what has waited for so long, for a process without a relay: all relays may be of the release before, which
     * do not. Waits for nobody who gives places. Answers how many it gave: some are left where it is not none.
     */
    async placeStarving(waitedMs: number): Promise<number> {
      const [row] = await db.read<{ given: number }>({ ...placingStarving, values: [allShards, `${waitedMs} ms`] })
      return row?.given ?? 0
    },

    /** The newest offsets of those channels that have any events. */
    async tops(channels: readonly string[]): Promise<Map<string, number>> {
      const rows = await db.read<{ name: string; top: string }>({
        name: 'channel-tops',
        text: 'select * from channel_tops($1, $2)',
        values: [channels, [...new Set(channels.map(shardOf))]],
      })
      return new Map(rows.map(({ name, top }) => [name, Number(top)]))
    },

    /** The epoch as it was within the last second. */
    epoch(): Promise<string> {
      if (epoch === undefined || epoch.until < now()) {
        const text = readEpoch()
        epoch = { text, until: now() + epochMs }
        text.catch(() => (epoch = undefined))
      }
      return epoch.text
    },

    /** Makes room for the days to come and drops what is older than `daysKept`. */
    async keep(daysKept: number): Promise<void> {
      await db.call('select keep_channel_log($1)', [daysKept])
    },
  }
}

/** What a relay that holds a shard leaves waiting for less than that is being seen to. */
export const starvingMs = 250
export const placingStarving = { name: 'place-starving', text: 'select place_starving($1, $2) as given' }

export interface Said {
  shard: number
  channel: string
  id: string
  name: string
  at: string
  /** JSON. */
  data: string
}

const columns = ['shard', 'channel', 'id', 'name', 'at', 'data'] as const
const insert = `insert into channel_inbox (${columns.join()})`
const row = (of: number) => `(${columns.map((_column, at) => `$${of * columns.length + at + 1}`).join()})`
/** Of one, two, and so on: values that travel one by one cost PostgreSQL a third less than arrays of them. */
const few = [0, 1, 2, 3].map(
  (_of, last, all) =>
    `${insert} values ${all
      .slice(0, last + 1)
      .map(row)
      .join()}`,
)
const many = `${insert} select * from unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::jsonb[])`

/** The statement that says it all. */
export function appendOf(said: readonly Said[]): QueryConfig {
  const text = few[said.length - 1]
  if (text === undefined)
    return { name: 'channel-append-many', text: many, values: columns.map(column => said.map(one => one[column])) }
  const values = said.flatMap(({ shard, channel, id, name, at, data }) => [shard, channel, id, name, at, data])
  return { name: `channel-append-${said.length}`, text, values }
}

/** As many as the relays share. */
export const shardCount = 8
export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard)

/** Every node deals a channel to the same shard: FNV-1a, for want of a hash of strings in Node. */
export function shardOf(channel: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < channel.length; at += 1) hash = Math.imul(hash ^ channel.charCodeAt(at), 0x01000193)
  return (hash >>> 0) % shardCount
}
