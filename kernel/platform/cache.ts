import { type Counter } from 'prom-client'
import { type RedisClients } from './redis'

/** How long after an invalidation a value that was read before it cannot be written back. */
const tombstoneMs = 2_000
const tombstone = ''
/** Invalidations kept during a Redis outage. Keys beyond this stay stale until their time to live ends. */
const pendingInvalidationsMax = 10_000

export type Cache = ReturnType<typeof createCache>

/**
 * Read-through cache of JSON values in Redis. One load per key and node at a time. An invalidation writes a tombstone, so
 * that a concurrent reader cannot write the old value back. Without Redis every value is loaded: correctness never depends
 * on the cache.
 */
export function createCache({ commands }: Pick<RedisClients, 'commands'>, requests: Counter<'answer'>) {
  const loading = new Map<string, Promise<unknown>>()
  /** Keys invalidated during a Redis outage, retried on reconnect. */
  const pendingInvalidations = new Set<string>()

  async function loadAndStore(key: string, ttlMs: number, load: () => Promise<unknown>): Promise<unknown> {
    const value = await load()
    if (value !== undefined) await commands.set(`cache:${key}`, JSON.stringify(value), 'PX', ttlMs, 'NX').catch(ignore)
    return value
  }

  async function writeTombstone(key: string): Promise<void> {
    try {
      await commands.set(`cache:${key}`, tombstone, 'PX', tombstoneMs)
      pendingInvalidations.delete(key)
    } catch {
      if (pendingInvalidations.size < pendingInvalidationsMax) pendingInvalidations.add(key)
    }
  }
  commands.on('ready', () => void Promise.all([...pendingInvalidations].map(writeTombstone)))

  return {
    /** The cached value, else the value of `load`, which is then cached unless undefined. */
    async getOrLoad<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> {
      const text = await commands.get(`cache:${key}`).catch(() => null)
      const cached = text === null || text === tombstone ? undefined : parseCached(text)
      requests.inc({ answer: cached === undefined ? 'missed' : 'hit' })
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
