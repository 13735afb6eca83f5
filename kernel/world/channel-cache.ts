import { type Position, type StreamEvent } from '../stream'
import { type RedisClients } from './redis'

/** So many of a channel's newest events are kept, for so long after the last; where it is, for longer. */
const keptMax = 256
const keptSeconds = 3_600
const placeKeptSeconds = 24 * 3_600

export type ChannelCache = ReturnType<typeof createChannelCache>

/**
 * What became of an append: `gap` is the newest offset there when some between it and ours are missing; else all is there
 * now, and `repeated` of them were before.
 */
export type Appended = { repeated: number } | { gap: number }

/** What is there after an offset; `events` is undefined when some of it is no longer, or not yet, there. */
export interface CachedPart {
  epoch: string
  top: number
  events: StreamEvent[] | undefined
}

/**
 * The newest events of every channel in Redis: a copy that may vanish at any moment, and the doorbell of the nodes. Its keys
 * carry the id of the Redis process, so that a Redis that was restarted, and may have lost the last second, starts empty
 * instead of being believed.
 */
export function createChannelCache({ commands, prefix }: RedisClients, now: () => number) {
  let run: string | undefined
  commands.defineCommand('channelAppend', { numberOfKeys: 2, lua: append })
  commands.defineCommand('channelPlace', { numberOfKeys: 1, lua: place })
  commands.defineCommand('channelAfter', { numberOfKeys: 2, lua: after, readOnly: true })
  const scripts = commands as unknown as Scripts

  commands.on('close', () => (run = undefined))

  /** The id of the Redis process that we are connected to. */
  async function runId(): Promise<string> {
    if (run !== undefined) return run
    const [, found = ''] = /^run_id:(\w{8})/m.exec(await commands.info('server')) ?? []
    if (commands.status === 'ready') run = found
    return found
  }

  const keysOf = (id: string, channel: string): [string, string] => [
    `log:${id}:{${channel}}:top`,
    `log:${id}:{${channel}}:events`,
  ]

  return {
    /** Where the events of a channel are published, as `{epoch, sentAt, events}`; `sentAt` in epoch milliseconds. */
    topic: (channel: string): string => `${prefix}:log:${channel}`,

    /**
     * Adds events that follow each other and publishes those that were not there yet. Any number of relays may do it at
     * once and again: what is there is skipped.
     */
    async append(channel: string, epoch: string, events: readonly StreamEvent[]): Promise<Appended> {
      const [first] = events
      if (first === undefined) return { repeated: 0 }
      const texts = events.map(event => JSON.stringify(event))
      const keys = keysOf(await runId(), channel)
      const answer = await scripts.channelAppend(...keys, this.topic(channel), now(), epoch, first.offset, ...texts)
      return answer < 0 ? { repeated: -1 - answer } : { gap: answer }
    },

    async forget(channel: string): Promise<void> {
      await commands.del(keysOf(await runId(), channel))
    },

    /** At most `max` events after an offset; undefined when nothing is known of the channel. */
    async after(channel: string, offset: number, max: number): Promise<CachedPart | undefined> {
      const found = await scripts.channelAfter(...keysOf(await runId(), channel), offset, max)
      if (found === null) return undefined
      const [epoch, top, texts] = found
      const events = texts === null ? undefined : texts.map(text => JSON.parse(text) as StreamEvent)
      return { epoch, top: Number(top), events }
    },

    /** Where a channel is, if it is known here. */
    async position(channel: string): Promise<Position | undefined> {
      const [top] = keysOf(await runId(), channel)
      const [epoch, offset] = await commands.hmget(top, 'e', 's')
      return typeof epoch === 'string' ? { epoch, offset: Number(offset) } : undefined
    },

    /** Remembers where a channel is that was not known here, such as one on which nothing has happened yet. */
    async place(channel: string, { epoch, offset }: Position): Promise<void> {
      await scripts.channelPlace(keysOf(await runId(), channel)[0], epoch, offset)
    },
  }
}

interface Scripts {
  channelPlace(top: string, epoch: string, offset: number): Promise<unknown>
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

/** What an append has said meanwhile is newer. */
const place = `
if redis.call('exists', KEYS[1]) == 1 then return end
redis.call('hset', KEYS[1], 'e', ARGV[1], 's', ARGV[2])
redis.call('expire', KEYS[1], ${placeKeptSeconds})
`

/** Answers -1 when all is there now, less for each that was there before; else the newest offset before the gap. */
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
redis.call('ltrim', KEYS[2], -${keptMax}, -1)
redis.call('hset', KEYS[1], 'e', ARGV[3], 's', first + count - 1)
redis.call('expire', KEYS[1], ${placeKeptSeconds})
redis.call('expire', KEYS[2], ${keptSeconds})
redis.call('publish', ARGV[1], '{"epoch":"' .. ARGV[3] .. '","sentAt":' .. ARGV[2] .. ',"events":[' .. table.concat(new, ',') .. ']}')
return -1 - repeated
`

/** The list holds what ends at the top, without gaps: an offset is an index. */
const after = `
local epoch, top = unpack(redis.call('hmget', KEYS[1], 'e', 's'))
if not epoch then return nil end
local oldest = tonumber(top) - redis.call('llen', KEYS[2]) + 1
local from = tonumber(ARGV[1]) + 1
if from < oldest then return {epoch, top, false} end
return {epoch, top, redis.call('lrange', KEYS[2], from - oldest, from - oldest + tonumber(ARGV[2]) - 1)}
`
