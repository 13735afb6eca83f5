import { type AccessRevocation } from './event'
import { createBatchLoader } from '../platform/batch-loader'
import { type RedisClients } from '../platform/redis'

const grantMs = 5 * 60_000
/** Longer than `grantMs`, so that a grant which a concurrent check writes late expires before the revocation does. */
const revocationMs = 2 * grantMs
const pendingRevocationsMax = 10_000

export type ChannelAccessCache = ReturnType<typeof createChannelAccessCache>

/**
 * Caches in Redis who may follow which channel, so that a thousand clients that reconnect at once do not query PostgreSQL.
 * Events with `unsettles` invalidate the entries of a channel or a profile, on all nodes. Without Redis every access is
 * checked in PostgreSQL.
 */
export function createChannelAccessCache({ commands }: Pick<RedisClients, 'commands'>) {
  /** Revocations not written during a Redis outage, retried on reconnect. */
  const pendingRevocations = new Set<string>()

  async function writeRevocation(key: string): Promise<void> {
    try {
      await commands.set(key, '', 'PX', revocationMs)
      pendingRevocations.delete(key)
    } catch {
      if (pendingRevocations.size < pendingRevocationsMax) pendingRevocations.add(key)
    }
  }
  commands.on('ready', () => void Promise.all([...pendingRevocations].map(writeRevocation)))

  // Batched, because a reconnecting client follows all its channels at once.
  const exists = createBatchLoader(async (keys): Promise<ReadonlyMap<string, true>> => {
    const found = await commands.mget([...keys])
    return new Map(keys.flatMap((key, index): [string, true][] => (found[index] === null ? [] : [[key, true]])))
  })

  return {
    /** Whether access was granted lately and not revoked since. False when unknown. */
    async isGranted(channel: string, profileId: string): Promise<boolean> {
      const keys = [grantKey(channel, profileId), revocationKey(channel), revocationKey(profileId)]
      const [grant, ...revocations] = await Promise.all(keys.map(exists)).catch(() => [false])
      return grant === true && !revocations.includes(true)
    },

    async grant(channel: string, profileId: string): Promise<void> {
      await commands.set(grantKey(channel, profileId), '', 'PX', grantMs).catch(() => undefined)
    },

    /** Invalidates the cached access of a profile, or to a channel. Never rejects. */
    async revoke({ channel, profileId }: AccessRevocation): Promise<void> {
      const subject = profileId ?? channel
      if (subject !== undefined) await writeRevocation(revocationKey(subject))
    },
  }
}

const grantKey = (channel: string, profileId: string): string => `right:${channel}:${profileId}`
const revocationKey = (subject: string): string => `doubt:${subject}`
