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
 * the commits, because whoever appends holds the channel's row until its commit.
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
     * The last statement of a business transaction, and its commit: it locks the channels, in the order of their names, for
     * no longer than that takes. Answers the shards that have something to hand on, for `wake`.
     */
    async append(events: readonly Announced[]): Promise<readonly number[]> {
      const addressed = events.flatMap(event => [...new Set(event.channels)].map(channel => ({ channel, event })))
      if (addressed.length === 0) return []
      const [answer] = await db.commitWith<{ shards: number[] | null }>({
        name: 'channel-append',
        text: 'select append_events($1, $2, $3, $4, $5) as shards',
        values: [
          addressed.map(({ channel }) => channel),
          addressed.map(({ event }) => event.id),
          addressed.map(({ event }) => event.name),
          addressed.map(({ event }) => event.at),
          addressed.map(({ event }) => JSON.stringify(event.data)),
        ],
      })
      return answer?.shards ?? []
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
        text: after,
        values: [channel, offset, max],
      })
      return { epoch: row?.epoch ?? '', top: Number(row?.top ?? 0), events: row?.events ?? [] }
    },

    /** The newest offsets of those channels that have any events. */
    async tops(channels: readonly string[]): Promise<Map<string, number>> {
      const rows = await db.read<{ name: string; top: string }>({
        name: 'channel-tops',
        text: 'select name, top from channels where name = any($1)',
        values: [channels],
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

/** SQL: an instant as events carry it. */
export const instantText = (column: string): string =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const after = `
  select log_epoch() as epoch, coalesce((select top from channels where name = $1), 0) as top, coalesce((
    select json_agg(event) from (
      select "offset", id, name, ${instantText('at')} as at, data from channel_events
      where channel = $1 and "offset" > $2 order by "offset" limit $3
    ) event), '[]') as events`
