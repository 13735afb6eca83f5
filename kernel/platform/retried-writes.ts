import { type RedisClients } from './redis'

/** Writes kept during a Redis outage; those beyond it are dropped. */
const pendingMax = 10_000

/**
 * Writes keys to Redis; the returned function never rejects. Keys that an outage has kept from being written are written on
 * reconnect.
 */
export function createRetriedWrites(
  { commands }: Pick<RedisClients, 'commands'>,
  write: (key: string) => Promise<unknown>,
): (key: string) => Promise<void> {
  const pending = new Set<string>()

  async function tryWrite(key: string): Promise<void> {
    try {
      await write(key)
      pending.delete(key)
    } catch {
      if (pending.size < pendingMax) pending.add(key)
    }
  }

  commands.on('ready', () => void Promise.all([...pending].map(tryWrite)))
  return tryWrite
}
