import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { type RedisClients } from './redis'

export type RateLimiter = ReturnType<typeof createRateLimiter>

/** Rate limits per minute in Redis, shared by all nodes. During a Redis outage each node counts in memory. */
export function createRateLimiter({ commands }: Pick<RedisClients, 'commands'>) {
  const limiters = new Map<number, RateLimiterRedis>()

  function limiterOf(perMinute: number): RateLimiterRedis {
    const existing = limiters.get(perMinute)
    if (existing !== undefined) return existing
    const window = { points: perMinute, duration: 60 }
    const limiter = new RateLimiterRedis({
      ...window,
      storeClient: commands,
      keyPrefix: 'limit',
      insuranceLimiter: new RateLimiterMemory(window),
    })
    limiters.set(perMinute, limiter)
    return limiter
  }

  return {
    /** Consumes `points` of the limit of `subject`. Returns 0, or the milliseconds to wait. */
    async consume(name: string, subject: string, perMinute: number, points = 1): Promise<number> {
      try {
        await limiterOf(perMinute).consume(`${name}:${subject}`, points)
        return 0
      } catch (error) {
        if (error instanceof RateLimiterRes) return Math.max(error.msBeforeNext, 1)
        throw error
      }
    },
  }
}
