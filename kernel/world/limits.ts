import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { type RedisClients } from './redis'

export type Limits = ReturnType<typeof createLimits>

/** Counts per minute in Redis, shared by all nodes; while Redis is away each node counts for itself. */
export function createLimits({ commands }: Pick<RedisClients, 'commands'>) {
  const limiters = new Map<number, RateLimiterRedis>()

  function limiterOf(perMinute: number): RateLimiterRedis {
    const known = limiters.get(perMinute)
    if (known !== undefined) return known
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
    /** Takes `points` of what `who` may do per minute; answers 0, or the milliseconds to wait. */
    async take(name: string, who: string, perMinute: number, points = 1): Promise<number> {
      try {
        await limiterOf(perMinute).consume(`${name}:${who}`, points)
        return 0
      } catch (error) {
        if (error instanceof RateLimiterRes) return Math.max(error.msBeforeNext, 1)
        throw error
      }
    },
  }
}
