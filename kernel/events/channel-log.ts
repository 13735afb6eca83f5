import { type QueryConfig } from 'pg'
import { type EmittedEvent } from './event'
import { type ChannelEvent } from './frames'
import { type Position } from './position'
import { type Database } from '../platform/database'
import { openTopics } from '../platform/open-topics'
import { type RedisClients } from '../platform/redis'

/** How long the epoch is cached; it changes only with a failover or a restore. */
const epochTtlMs = 1_000

export type ChannelLog = ReturnType<typeof createChannelLog>

type NotifyListener = (shard: number) => boolean

/** A consistent read of a channel's log. */
export interface LogPage {
  epoch: string
  latestOffset: number
  events: ChannelEvent[]
}

/**
 * The channel logs in PostgreSQL, the source of truth for the order of events. Transactions append to an inbox; afterwards
 * offsets without gaps are assigned to the committed rows in the order they were appended, under a lock per shard. Relays
 * assign them in batches. A reader assigns those that are still missing in its channel, so that it sees every committed event.
 */
export function createChannelLog(db: Database, redis: RedisClients, now: () => number) {
  const listeners = new Set<NotifyListener>()
  const topic = `${redis.prefix}:log-notify`
  let epoch: { text: Promise<string>; until: number } | undefined

  const notifyLocally = (shard: number): boolean => [...listeners].map(listener => listener(shard)).includes(true)

  async function readEpoch(): Promise<string> {
    const statement = { name: 'channel-log-epoch', text: 'select channel_log_epoch() as epoch', values: [] }
    const [row] = await db.readCommitted<{ epoch: string }>(statement)
    return row?.epoch ?? ''
  }

  return {
    /**
     * The last statement of a business transaction, sent together with its commit. Takes no channel locks, because offsets
     * are assigned after the commit. Returns the shards with new events, for `notifyRelays`.
     */
    async append(events: readonly EmittedEvent[]): Promise<readonly number[]> {
      const entries = events.flatMap(({ channels, id, name, at, data }) => {
        const text = JSON.stringify(data)
        return [...new Set(channels)].map(channel => ({ shard: shardOf(channel), channel, id, name, at, data: text }))
      })
      if (entries.length === 0) return []
      await db.commitWith(insertInboxStatement(entries))
      return [...new Set(entries.map(({ shard }) => shard))]
    },

    /** Notifies the relays of these shards, on any node. Best effort: relays also poll. */
    notifyRelays(shards: readonly number[]): void {
      const remoteShards = shards.filter(shard => !notifyLocally(shard))
      if (remoteShards.length > 0) void redis.publisher.publish(topic, remoteShards.join(' '))
    },

    /** Subscribes to wake-ups. The listener returns whether this node's relay holds the shard. */
    onNotify(listener: NotifyListener): Disposable {
      const notifications = openTopics(redis, topic, (_name, shards) => {
        for (const shard of shards.split(' ')) listener(Number(shard))
      })
      listeners.add(listener)
      notifications.subscribe(['']).catch(() => undefined)
      return {
        [Symbol.dispose]: () => {
          listeners.delete(listener)
          notifications[Symbol.dispose]()
        },
      }
    },

    /** The position of a channel. Read it before the state it belongs to: later events are then delivered twice, not lost. */
    async position(channel: string): Promise<Position> {
      const [known, tops] = await Promise.all([this.epoch(), this.latestOffsets([channel])])
      return { epoch: known, offset: tops.get(channel) ?? 0 }
    },

    /** At most `max` events after an offset, in order. */
    async readAfter(channel: string, offset: number, max: number): Promise<LogPage> {
      const [row] = await db.readCommitted<{ epoch: string; top: string; events: ChannelEvent[] }>({
        name: 'channel-events-after',
        text: 'select * from channel_events_after($1, $2, $3, $4)',
        values: [channel, shardOf(channel), offset, max],
      })
      return { epoch: row?.epoch ?? '', latestOffset: Number(row?.top ?? 0), events: row?.events ?? [] }
    },

    /**
     * Assigns offsets to events that are overdue by `waitedMs`, in case no relay does: all may be frozen or gone. Skips shards
     * that another process has locked. Returns the number of events; call again until it is 0.
     */
    async assignOverdueOffsets(waitedMs: number): Promise<number> {
      const [row] = await db.readCommitted<{ assigned: number }>({
        ...assignOverdueOffsetsStatement,
        values: [allShards, `${waitedMs} ms`],
      })
      return row?.assigned ?? 0
    },

    /** The newest offsets of the given channels; channels without events are left out. */
    async latestOffsets(channels: readonly string[]): Promise<Map<string, number>> {
      const rows = await db.readCommitted<{ name: string; top: string }>({
        name: 'newest-offsets',
        text: 'select * from newest_offsets($1, $2)',
        values: [channels, [...new Set(channels.map(shardOf))]],
      })
      return new Map(rows.map(({ name, top }) => [name, Number(top)]))
    },

    /** The epoch, at most a second old. */
    epoch(): Promise<string> {
      if (epoch === undefined || epoch.until < now()) {
        const text = readEpoch()
        epoch = { text, until: now() + epochTtlMs }
        text.catch(() => (epoch = undefined))
      }
      return epoch.text
    },

    /** Creates the partitions of the next days and drops those older than `daysKept`. */
    async maintainPartitions(daysKept: number): Promise<void> {
      await db.queryBound('select maintain_channel_log($1)', [daysKept])
    },
  }
}

/** Grace period before other processes assign offsets to the events of a held shard. */
export const overdueMs = 250
export const assignOverdueOffsetsStatement = {
  name: 'assign-overdue-offsets',
  text: 'select assign_overdue_offsets($1, $2) as assigned',
}

export interface InboxEntry {
  shard: number
  channel: string
  id: string
  name: string
  at: string
  /** JSON. */
  data: string
}

const columns = ['shard', 'channel', 'id', 'name', 'at', 'data'] as const
const insert = `insert into event_inbox (${columns.join()})`
const row = (of: number) => `(${columns.map((_column, at) => `$${of * columns.length + at + 1}`).join()})`
/** Inserts of 1 to 4 rows: separate parameters cost PostgreSQL a third less than arrays. */
const insertFew = [0, 1, 2, 3].map(
  (_, last, all) =>
    `${insert} values ${all
      .slice(0, last + 1)
      .map(row)
      .join()}`,
)
const insertMany = `${insert} select * from unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::jsonb[])`

/** The insert of all events in one statement. */
export function insertInboxStatement(entries: readonly InboxEntry[]): QueryConfig {
  const text = insertFew[entries.length - 1]
  if (text === undefined)
    return {
      name: 'channel-append-many',
      text: insertMany,
      values: columns.map(column => entries.map(one => one[column])),
    }
  const values = entries.flatMap(({ shard, channel, id, name, at, data }) => [shard, channel, id, name, at, data])
  return { name: `channel-append-${entries.length}`, text, values }
}

/** Shards of the log, divided among the relays. */
export const shardCount = 8
export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard)

/** The shard of a channel, the same on every node: FNV-1a. */
export function shardOf(channel: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < channel.length; at += 1) hash = Math.imul(hash ^ channel.charCodeAt(at), 0x01000193)
  return (hash >>> 0) % shardCount
}
