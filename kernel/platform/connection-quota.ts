import { gatherEach } from './batch-loader'
import { nodesKey } from './presence-store'
import { nowInRedis } from './presence-scripts'
import { type RedisClients } from './redis'

/** Nodes rewrite their counts far more often. */
const ttlMs = 3_600_000

export type ConnectionQuota = ReturnType<typeof createConnectionQuota>

/** Connection quota: counts the sockets of a profile per node. Nodes with a lapsed presence lease do not count. */
export function createConnectionQuota({ commands }: RedisClients) {
  commands.defineCommand('quotaAcquire', { lua: acquire })
  commands.defineCommand('quotaRelease', { numberOfKeys: 1, lua: release })
  const scripts = commands as unknown as Scripts
  const keyOf = (profileId: string) => `connections:${profileId}`

  // One Redis command for all connections of a tick.
  const acquireBatched = gatherEach(async (requests: readonly QuotaRequest[]): Promise<number[]> => {
    const keys = [nodesKey, ...requests.map(({ profileId }) => keyOf(profileId))]
    return scripts.quotaAcquire(keys.length, ...keys, ttlMs, ...requests.flatMap(({ node, max }) => [node, max]))
  })

  return {
    /** Counts one more socket; returns false when the profile has `max` already. */
    async acquire(profileId: string, node: string, max: number): Promise<boolean> {
      return (await acquireBatched({ profileId, node, max })) === 1
    },

    async release(profileId: string, node: string): Promise<void> {
      await scripts.quotaRelease(keyOf(profileId), node)
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

interface QuotaRequest {
  profileId: string
  node: string
  max: number
}

interface Scripts {
  quotaAcquire(keyCount: number, ...keysAndArguments: (string | number)[]): Promise<number[]>
  quotaRelease(counts: string, node: string): Promise<number>
}

/** KEYS: node leases, then one hash of counts per request. ARGV: TTL, then node and maximum per request. */
const acquire = `
${nowInRedis}
local function acquireOne(counts, node, max)
  local entries, total = redis.call('hgetall', counts), 0
  for n = 1, #entries, 2 do
    local lease = redis.call('zscore', KEYS[1], entries[n])
    if entries[n] ~= node and (not lease or tonumber(lease) < now) then redis.call('hdel', counts, entries[n])
    else total = total + entries[n + 1] end
  end
  if total >= tonumber(max) then return 0 end
  redis.call('hincrby', counts, node, 1)
  redis.call('pexpire', counts, ARGV[1])
  return 1
end
local granted = {}
for n = 2, #KEYS do granted[n - 1] = acquireOne(KEYS[n], ARGV[2 * n - 2], ARGV[2 * n - 1]) end
return granted
`

const release = `
local left = redis.call('hincrby', KEYS[1], ARGV[1], -1)
if left <= 0 then redis.call('hdel', KEYS[1], ARGV[1]) end
return left
`
