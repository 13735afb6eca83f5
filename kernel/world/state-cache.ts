import { type StreamState } from '../stream'
import { type RedisClients } from './redis'

/** For so long after it was last written a value is kept; PostgreSQL has it anyway. */
const keptSeconds = 600

export type StateCache = ReturnType<typeof createStateCache>

type StateValue = StreamState[string]

/** The newest values of channels in Redis: a copy that may be late or vanish at any moment, and the news of it for all nodes. */
export function createStateCache({ commands, prefix }: RedisClients) {
  commands.defineCommand('stateSet', { numberOfKeys: 1, lua: set })
  const scripts = commands as unknown as Scripts
  const topic = (channel: string) => `${prefix}:state:${channel}`
  return {
    /** Where new values of a channel are published, by their keys. */
    topic,

    /** Writes and publishes a value unless a newer one is there. */
    async set(channel: string, key: string, value: StateValue): Promise<void> {
      await scripts.stateSet(`state:${channel}`, topic(channel), key, value.rev, JSON.stringify(value))
    },

    /** Those values of a channel that are known. */
    async get(channel: string, keys: readonly string[]): Promise<StreamState> {
      const texts = await commands.hmget(`state:${channel}`, ...keys)
      const pairs = texts.map((text, at) => `${JSON.stringify(keys[at])}:${text ?? 'null'}`)
      return readState(`{${pairs.join(',')}}`)
    },
  }
}

/** Values by key, unless somebody else wrote them. */
export function readState(text: string): StreamState {
  try {
    const read: unknown = JSON.parse(text)
    const state: StreamState = {}
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
local have = redis.call('hget', KEYS[1], 'rev:' .. ARGV[2])
if have and tonumber(have) >= tonumber(ARGV[3]) then return 0 end
redis.call('hset', KEYS[1], ARGV[2], ARGV[4], 'rev:' .. ARGV[2], ARGV[3])
redis.call('expire', KEYS[1], ${keptSeconds})
redis.call('publish', ARGV[1], '{"' .. ARGV[2] .. '":' .. ARGV[4] .. '}')
return 1
`
