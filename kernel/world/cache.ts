import { type Counter } from 'prom-client'
import { type RedisClients } from './redis'

/** For so long after a change nobody may write what was read before it. */
const tombstoneMs = 2_000
const tombstone = ''
/** What became stale beyond these in one outage is right again when its time to live is over. */
const owedMax = 10_000

export type Cache = ReturnType<typeof createCache>

/**
 * Read-through cache in Redis of values that JSON can hold. One load per key and node at a time; a change leaves a
 * tombstone, so that a reader who loaded the old value just before cannot put it back. Without Redis everything is
 * simply loaded: the cache is never needed to be right.
 */
export function createCache({ commands }: Pick<RedisClients, 'commands'>, asked: Counter<'answer'>) {
  const loading = new Map<string, Promise<unknown>>()
  /** What became stale while Redis was away, and may still lie there. */
  const owed = new Set<string>()

  async function loadAndKeep(key: string, ttlMs: number, load: () => Promise<unknown>): Promise<unknown> {
    const value = await load()
    if (value !== undefined) await commands.set(`cache:${key}`, JSON.stringify(value), 'PX', ttlMs, 'NX').catch(ignore)
    return value
  }

  async function bury(key: string): Promise<void> {
    try {
      await commands.set(`cache:${key}`, tombstone, 'PX', tombstoneMs)
      owed.delete(key)
    } catch {
      if (owed.size < owedMax) owed.add(key)
    }
  }
  commands.on('ready', () => void Promise.all([...owed].map(bury)))

  return {
    /** The value under `key`, else what `load` gives (undefined is not kept). */
    async through<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> {
      const kept = await commands.get(`cache:${key}`).catch(() => null)
      const read = kept === null || kept === tombstone ? undefined : readKept(kept)
      asked.inc({ answer: read === undefined ? 'missed' : 'hit' })
      if (read !== undefined) return read.value as T
      const running = loading.get(key)
      if (running !== undefined) return running as Promise<T>
      const started = loadAndKeep(key, ttlMs, load).finally(() => {
        if (loading.get(key) === started) loading.delete(key)
      })
      loading.set(key, started)
      return started as Promise<T>
    },

    /** Forgets what became stale. Never rejects. */
    async drop(keys: readonly string[]): Promise<void> {
      for (const key of keys) loading.delete(key)
      await Promise.all(keys.map(bury))
    },
  }
}

/** What Redis holds, unless somebody else wrote it. */
function readKept(kept: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(kept) as unknown }
  } catch {
    return undefined
  }
}

/** Redis being away is counted and logged by its client; the cache goes on without. */
const ignore = () => undefined
