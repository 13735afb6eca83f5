import { nodesKey } from './presence-store'
import { nowInRedis } from './presence-scripts'
import { type RedisClients } from './redis'

/** Nodes rewrite their counts far more often. */
const ttlMs = 3_600_000

export type ConnectionQuota = ReturnType<typeof createConnectionQuota>

/** Connection quota: counts the sockets of a profile per node. Nodes with a lapsed presence lease do not count. */
export function createConnectionQuota({ commands }: RedisClients) {
  commands.defineCommand('seatTake', { numberOfKeys: 2, lua: take })
  commands.defineCommand('seatLeave', { numberOfKeys: 1, lua: leave })
  const scripts = commands as unknown as Scripts
  const keyOf = (profileId: string) => `seats:${profileId}`

  return {
    /** Counts one more socket; returns false when the profile has `max` already. */
    async acquire(profileId: string, node: string, max: number): Promise<boolean> {
      return (await scripts.seatTake(keyOf(profileId), nodesKey, node, max, ttlMs)) === 1
    },

    async release(profileId: string, node: string): Promise<void> {
      await scripts.seatLeave(keyOf(profileId), node)
    },

    /** Overwrites the counts of a node. */
    async setCounts(node: string, counts: readonly { profileId: string; count: number }[]): Promise<void> {
      const pipeline = commands.pipeline()
      for (const { profileId, count } of counts)
        if (count === 0) pipeline.hdel(keyOf(profileId), node)
        else pipeline.hset(keyOf(profileId), node, count).pexpire(keyOf(profileId), ttlMs)
      const failed = (await pipeline.exec())?.find(([error]) => error !== null)
      if (failed !== undefined) throw failed[0] ?? new Error('could not write the connection counts')
    },
  }
}

interface Scripts {
  seatTake(...args: [seats: string, nodes: string, node: string, max: number, ttlMs: number]): Promise<number>
  seatLeave(seats: string, node: string): Promise<number>
}

const take = `
${nowInRedis}
local held, total = redis.call('hgetall', KEYS[1]), 0
for n = 1, #held, 2 do
  local lease = redis.call('zscore', KEYS[2], held[n])
  if held[n] ~= ARGV[1] and (not lease or tonumber(lease) < now) then redis.call('hdel', KEYS[1], held[n])
  else total = total + held[n + 1] end
end
if total >= tonumber(ARGV[2]) then return 0 end
redis.call('hincrby', KEYS[1], ARGV[1], 1)
redis.call('pexpire', KEYS[1], ARGV[3])
return 1
`

const leave = `
local left = redis.call('hincrby', KEYS[1], ARGV[1], -1)
if left <= 0 then redis.call('hdel', KEYS[1], ARGV[1]) end
return left
`
