import { type ChannelState } from './frames'
import { type RedisClients } from '../platform/redis'

/** Time to live after the last write; PostgreSQL has the value anyway. */
const ttlSeconds = 600

export type StateCache = ReturnType<typeof createStateCache>

type StateValue = ChannelState[string]

/** State values of channels in Redis: a disposable copy that may be late, and the publisher that notifies all nodes. */
export function createStateCache({ commands, prefix }: RedisClients) {
  commands.defineCommand('stateSet', { numberOfKeys: 1, lua: set })
  const scripts = commands as unknown as Scripts
  const topic = (channel: string) => `${prefix}:state:${channel}`
  return {
    /** The pub/sub topic of a channel; messages are values by key. */
    topic,

    /** Stores and publishes a value unless the stored one is newer. */
    async set(channel: string, key: string, value: StateValue): Promise<void> {
      await scripts.stateSet(`state:${channel}`, topic(channel), key, value.rev, JSON.stringify(value))
    },

    /** The cached values of a channel. */
    async get(channel: string, keys: readonly string[]): Promise<ChannelState> {
      const texts = await commands.hmget(`state:${channel}`, ...keys)
      const pairs = texts.map((text, at) => `${JSON.stringify(keys[at])}:${text ?? 'null'}`)
      return parseChannelState(`{${pairs.join(',')}}`)
    },
  }
}

/** Parses values by key; ignores what another program may have written. */
export function parseChannelState(text: string): ChannelState {
  try {
    const read: unknown = JSON.parse(text)
    const state: ChannelState = {}
    for (const [key, value] of typeof read === 'object' && read !== null ? Object.entries(read) : [])
      if (isValue(value)) state[key] = value
    return state
  } catch {
    return {}
  }
}

const isValue = (value: unknown): value is StateValue =>
  typeof value === 'object' && value !== null && 'rev' in value && typeof value.rev === 'number'

interface Scripts {
  stateSet(key: string, topic: string, name: string, rev: number, text: string): Promise<number>
}

const set = `
local known = redis.call('hget', KEYS[1], 'rev:' .. ARGV[2])
if known and tonumber(known) >= tonumber(ARGV[3]) then return 0 end
redis.call('hset', KEYS[1], ARGV[2], ARGV[4], 'rev:' .. ARGV[2], ARGV[3])
redis.call('expire', KEYS[1], ${ttlSeconds})
redis.call('publish', ARGV[1], '{"' .. ARGV[2] .. '":' .. ARGV[4] .. '}')
return 1
`
