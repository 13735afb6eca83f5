import { type AccessRevocation } from './event'
import { gatherMany } from '../platform/batch-loader'
import { type RedisClients } from '../platform/redis'
import { createRetriedWrites } from '../platform/retried-writes'

const grantMs = 5 * 60_000
/** Longer than `grantMs`, so that a grant which a concurrent check writes late expires before the revocation does. */
const revocationMs = 2 * grantMs

export type ChannelAccessCache = ReturnType<typeof createChannelAccessCache>

/**
 * Caches in Redis who may follow which channel, so that a thousand clients that reconnect at once do not query PostgreSQL.
 * Events with `revokesAccess` invalidate the entries of a channel or a profile, on all nodes. Without Redis every access is
 * checked in PostgreSQL.
 */
export function createChannelAccessCache({ commands }: Pick<RedisClients, 'commands'>) {
  const writeRevocation = createRetriedWrites({ commands }, key => commands.set(key, '', 'PX', revocationMs))

  // Batched in one MGET, because a reconnecting client follows all its channels at once.
  const existing = gatherMany(async (keys): Promise<ReadonlySet<string>> => {
    const values = await commands.mget([...keys])
    return new Set(keys.filter((_key, index) => values[index] !== null))
  })

  return {
    /** Whether access was granted lately and not revoked since. False when unknown. */
    async isGranted(channel: string, profileId: string): Promise<boolean> {
      return (await this.grantedOf([channel], profileId)).has(channel)
    },

    /** Returns the channels with a cached grant that is not revoked, with one Redis command. Empty when Redis is down. */
    async grantedOf(channels: readonly string[], profileId: string): Promise<ReadonlySet<string>> {
      if (channels.length === 0) return new Set()
      const profileKey = revocationKey(profileId)
      const keys = channels.flatMap(channel => [grantKey(channel, profileId), revocationKey(channel)])
      const found = await existing([profileKey, ...keys]).catch((): ReadonlySet<string> => new Set())
      if (found.has(profileKey)) return new Set()
      const isGranted = (channel: string) =>
        found.has(grantKey(channel, profileId)) && !found.has(revocationKey(channel))
      return new Set(channels.filter(isGranted))
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

const grantKey = (channel: string, profileId: string): string => `access:${channel}:${profileId}`
const revocationKey = (subject: string): string => `access-revoked:${subject}`
