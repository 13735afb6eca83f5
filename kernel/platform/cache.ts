import { type Counter } from 'prom-client'
import { type RedisClients } from './redis'
import { createRetriedWrites } from './retried-writes'

/** How long after an invalidation a value that was read before it cannot be written back. */
const tombstoneMs = 2_000
const tombstone = ''

export type Cache = ReturnType<typeof createCache>

/**
 * Read-through cache of JSON values in Redis. One load per key and node at a time. An invalidation writes a tombstone, so
 * that a concurrent reader cannot write the old value back. Without Redis every value is loaded: correctness never depends
 * on the cache.
 */
export function createCache({ commands }: Pick<RedisClients, 'commands'>, requests: Counter<'result'>) {
  const loading = new Map<string, Promise<unknown>>()
  // Keys that an outage prevents from being invalidated stay stale until the reconnect, or until their time to live ends.
  const writeTombstone = createRetriedWrites({ commands }, key =>
    commands.set(`cache:${key}`, tombstone, 'PX', tombstoneMs),
  )

  async function loadAndStore(key: string, ttlMs: number, load: () => Promise<unknown>): Promise<unknown> {
    const value = await load()
    if (value !== undefined) await commands.set(`cache:${key}`, JSON.stringify(value), 'PX', ttlMs, 'NX').catch(ignore)
    return value
  }

  return {
    /** The cached value, else the value of `load`, which is then cached unless undefined. */
    async getOrLoad<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> {
      const text = await commands.get(`cache:${key}`).catch(() => null)
      const cached = text === null || text === tombstone ? undefined : parseCached(text)
      requests.inc({ result: cached === undefined ? 'miss' : 'hit' })
      if (cached !== undefined) return cached.value as T
      const running = loading.get(key)
      if (running !== undefined) return running as Promise<T>
      const started = loadAndStore(key, ttlMs, load).finally(() => {
        if (loading.get(key) === started) loading.delete(key)
      })
      loading.set(key, started)
      return started as Promise<T>
    },

    /** Invalidates keys on all nodes. Never rejects: without Redis it retries on reconnect. */
    async invalidate(keys: readonly string[]): Promise<void> {
      for (const key of keys) loading.delete(key)
      await Promise.all(keys.map(writeTombstone))
    },
  }
}

/** Undefined unless the text is JSON, as another program may have written it. */
function parseCached(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** The Redis client logs outages; the cache works without it. */
const ignore = () => undefined
