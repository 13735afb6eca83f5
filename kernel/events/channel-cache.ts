import { type ChannelEvent } from './frames'
import { type Position } from './position'
import { type RedisClients } from '../platform/redis'

/** The newest events of a channel, kept for an hour after the last one; its position is kept for a day. */
const eventsMax = 256
const eventsTtlSeconds = 3_600
const positionTtlSeconds = 24 * 3_600

export type ChannelCache = ReturnType<typeof createChannelCache>

/**
 * The result of an append. `gap`: nothing was appended because events are missing after this newest cached offset. Else all
 * events are cached, and `repeated` of them already were.
 */
export type AppendResult = { repeated: number } | { gap: number }

/** The cached events after an offset; `events` is undefined when some of them are not cached. */
export interface CachedEvents {
  epoch: string
  latestOffset: number
  events: ChannelEvent[] | undefined
}

/**
 * The newest events of every channel in Redis: a disposable copy of the log, and the publisher that notifies the nodes. Keys
 * contain the `run_id` of the Redis process, so that the cache starts empty after a Redis restart, which may have lost the
 * last second of writes.
 */
export function createChannelCache({ commands, prefix }: RedisClients, now: () => number) {
  let redisRunId: string | undefined
  commands.defineCommand('channelAppend', { numberOfKeys: 2, lua: append })
  commands.defineCommand('channelPositions', { lua: readPositions, readOnly: true })
  commands.defineCommand('channelSetPosition', { numberOfKeys: 1, lua: setPositionIfUnknown })
  commands.defineCommand('channelAfter', { numberOfKeys: 2, lua: after, readOnly: true })
  const scripts = commands as unknown as Scripts

  commands.on('close', () => (redisRunId = undefined))

  /** The `run_id` of the connected Redis process, shortened. */
  async function runId(): Promise<string> {
    if (redisRunId !== undefined) return redisRunId
    const [, found = ''] = /^run_id:(\w{8})/m.exec(await commands.info('server')) ?? []
    if (commands.status === 'ready') redisRunId = found
    return found
  }

  const keysOf = (id: string, channel: string): [string, string] => [
    `log:${id}:{${channel}}:top`,
    `log:${id}:{${channel}}:events`,
  ]

  return {
    /** The pub/sub topic of a channel; messages are `{epoch, sentAt, events}`, `sentAt` in epoch milliseconds. */
    topic: (channel: string): string => `${prefix}:log:${channel}`,

    /** Appends consecutive events and publishes the new ones. Idempotent: concurrent relays skip events already there. */
    async append(channel: string, epoch: string, events: readonly ChannelEvent[]): Promise<AppendResult> {
      const [first] = events
      if (first === undefined) return { repeated: 0 }
      const texts = events.map(event => JSON.stringify(event))
      const keys = keysOf(await runId(), channel)
      const answer = await scripts.channelAppend(...keys, this.topic(channel), now(), epoch, first.offset, ...texts)
      return answer < 0 ? { repeated: -1 - answer } : { gap: answer }
    },

    async evict(channel: string): Promise<void> {
      await commands.del(keysOf(await runId(), channel))
    },

    /** At most `max` events after an offset; undefined when the channel is not cached. */
    async readAfter(channel: string, offset: number, max: number): Promise<CachedEvents | undefined> {
      const found = await scripts.channelAfter(...keysOf(await runId(), channel), offset, max)
      if (found === null) return undefined
      const [epoch, top, texts] = found
      const events = texts === null ? undefined : texts.map(text => JSON.parse(text) as ChannelEvent)
      return { epoch, latestOffset: Number(top), events }
    },

    /** The position of a channel, if it is cached. */
    async position(channel: string): Promise<Position | undefined> {
      return (await this.positions([channel])).get(channel)
    },

    /** The positions of the channels that are cached. */
    async positions(channels: readonly string[]): Promise<Map<string, Position>> {
      const id = await runId()
      const found = await scripts.channelPositions(channels.length, ...channels.map(channel => keysOf(id, channel)[0]))
      const cached = new Map<string, Position>()
      for (const [index, channel] of channels.entries()) {
        const [epoch, offset] = [found[2 * index], found[2 * index + 1]]
        if (typeof epoch === 'string') cached.set(channel, { epoch, offset: Number(offset) })
      }
      return cached
    },

    /** Caches the position of a channel that is not cached, such as one without events. */
    async setPositionIfUnknown(channel: string, { epoch, offset }: Position): Promise<void> {
      await scripts.channelSetPosition(keysOf(await runId(), channel)[0], epoch, offset)
    },
  }
}

interface Scripts {
  channelPositions(count: number, ...tops: string[]): Promise<(string | null)[]>
  channelSetPosition(latest: string, epoch: string, offset: number): Promise<unknown>
  channelAppend(
    ...args: [
      top: string,
      events: string,
      topic: string,
      sentAt: number,
      epoch: string,
      first: number,
      ...texts: string[],
    ]
  ): Promise<number>
  channelAfter(
    top: string,
    events: string,
    offset: number,
    max: number,
  ): Promise<[string, string, string[] | null] | null>
}

/** Returns epoch and top offset of each key, as one flat list. */
const readPositions = `
local found = {}
for n, top in ipairs(KEYS) do
  local position = redis.call('hmget', top, 'e', 's')
  found[2 * n - 1], found[2 * n] = position[1], position[2]
end
return found
`

/** A position that an append wrote meanwhile is newer, so keep it. */
const setPositionIfUnknown = `
if redis.call('exists', KEYS[1]) == 1 then return end
redis.call('hset', KEYS[1], 'e', ARGV[1], 's', ARGV[2])
redis.call('expire', KEYS[1], ${positionTtlSeconds})
`

/** Returns `-1 - repeated` on success, else the newest cached offset, after which events are missing. */
const append = `
local epoch, top = unpack(redis.call('hmget', KEYS[1], 'e', 's'))
local first, count = tonumber(ARGV[4]), #ARGV - 4
if epoch ~= ARGV[3] then
  redis.call('del', KEYS[2])
  top = first - 1
else
  top = tonumber(top)
end
if first > top + 1 then return top end
local new = {}
for n = top - first + 2, count do new[#new + 1] = ARGV[4 + n] end
local repeated = count - #new
if #new == 0 then return -1 - repeated end
redis.call('rpush', KEYS[2], unpack(new))
redis.call('ltrim', KEYS[2], -${eventsMax}, -1)
redis.call('hset', KEYS[1], 'e', ARGV[3], 's', first + count - 1)
redis.call('expire', KEYS[1], ${positionTtlSeconds})
redis.call('expire', KEYS[2], ${eventsTtlSeconds})
redis.call('publish', ARGV[1], '{"epoch":"' .. ARGV[3] .. '","sentAt":' .. ARGV[2] .. ',"events":[' .. table.concat(new, ',') .. ']}')
return -1 - repeated
`

/** The list ends at the top offset and has no gaps, so an offset maps to an index. */
const after = `
local epoch, top = unpack(redis.call('hmget', KEYS[1], 'e', 's'))
if not epoch then return nil end
local oldest = tonumber(top) - redis.call('llen', KEYS[2]) + 1
local from = tonumber(ARGV[1]) + 1
if from < oldest then return {epoch, top, false} end
return {epoch, top, redis.call('lrange', KEYS[2], from - oldest, from - oldest + tonumber(ARGV[2]) - 1)}
`
