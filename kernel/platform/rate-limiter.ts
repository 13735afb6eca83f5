import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { gatherEach } from './batch-loader'
import { type RedisClients } from './redis'

const windowSeconds = 60
/** Size of the cache of exceeded limits. It is cleared when full, so Redis is queried again. */
const refusedMax = 10_000

export type RateLimiter = ReturnType<typeof createRateLimiter>

interface LimitRequest {
  key: string
  points: number
}

/** The points consumed in the window, including this request, and the time until the window ends. */
type Consumed = [count: number, leftMs: number]

/** Rate limits per minute in Redis, shared by all nodes. During a Redis outage each node counts in memory. */
export function createRateLimiter({ commands }: Pick<RedisClients, 'commands'>) {
  commands.defineCommand('limitConsume', { lua: consumeAll })
  const scripts = commands as unknown as Scripts
  /** By points per minute; used during a Redis outage. */
  const memoryLimiters = new Map<number, RateLimiterMemory>()
  /** End of the window by exceeded limit. Counts do not decrease within a window, so Redis is not queried until then. */
  const refusedUntil = new Map<string, number>()

  // Batched, because one command per call would cost more than most queries.
  const consume = gatherEach(async (requests: readonly LimitRequest[]): Promise<Consumed[]> => {
    const keys = requests.map(({ key }) => `limit:${key}`)
    const results = await scripts.limitConsume(keys.length, ...keys, ...requests.map(({ points }) => points))
    return requests.map((_request, index) => [results[2 * index] ?? 0, results[2 * index + 1] ?? 0])
  })

  async function consumeInMemory({ key, points }: LimitRequest, perMinute: number): Promise<number> {
    const limiter =
      memoryLimiters.get(perMinute) ?? new RateLimiterMemory({ points: perMinute, duration: windowSeconds })
    memoryLimiters.set(perMinute, limiter)
    try {
      await limiter.consume(key, points)
      return 0
    } catch (error) {
      if (error instanceof RateLimiterRes) return Math.max(error.msBeforeNext, 1)
      throw error
    }
  }

  function refuse(key: string, leftMs: number): number {
    if (refusedUntil.size >= refusedMax) refusedUntil.clear()
    refusedUntil.set(key, monotonicMs() + leftMs)
    return leftMs
  }

  return {
    /** Consumes `points` of the limit of `subject`. Returns 0, or the milliseconds to wait. */
    async consume(name: string, subject: string, perMinute: number, points = 1): Promise<number> {
      const request: LimitRequest = { key: `${name}:${subject}`, points }
      const until = refusedUntil.get(request.key)
      const leftMs = until === undefined ? 0 : until - monotonicMs()
      if (leftMs > 0) return leftMs
      refusedUntil.delete(request.key)
      let consumed: Consumed
      try {
        consumed = await consume(request)
      } catch {
        return consumeInMemory(request, perMinute)
      }
      return consumed[0] > perMinute ? refuse(request.key, Math.max(consumed[1], 1)) : 0
    },
  }
}

/** Not the injected clock, because Redis expires windows in real time. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)

interface Scripts {
  limitConsume(keyCount: number, ...keysAndPoints: (string | number)[]): Promise<number[]>
}

/** Sets the TTL of a key again when it has none, as after a restore of Redis. */
const consumeAll = `
local results = {}
for n, key in ipairs(KEYS) do
  redis.call('set', key, 0, 'EX', ${windowSeconds}, 'NX')
  local count, left = redis.call('incrby', key, ARGV[n]), redis.call('pttl', key)
  if left < 0 then
    redis.call('expire', key, ${windowSeconds})
    left = ${windowSeconds * 1_000}
  end
  results[2 * n - 1], results[2 * n] = count, left
end
return results
`
