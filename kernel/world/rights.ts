import { type Unsettled } from '../event'
import { type RedisClients } from './redis'

const grantMs = 5 * 60_000
/** A grant that was read just before the change and written after it must not outlive the doubt. */
const doubtMs = 2 * grantMs
const owedMax = 10_000

export type Rights = ReturnType<typeof createRights>

/**
 * Remembers in Redis who was found to have the right to follow what, so that a thousand clients that come back at once ask
 * PostgreSQL nothing. Events that put a right in doubt end that for the channel or the person, on all nodes. Without
 * Redis every right is asked for anew.
 */
export function createRights({ commands }: Pick<RedisClients, 'commands'>) {
  /** Doubts that Redis has not been told of yet. */
  const owed = new Set<string>()

  async function doubt(key: string): Promise<void> {
    try {
      await commands.set(key, '', 'PX', doubtMs)
      owed.delete(key)
    } catch {
      if (owed.size < owedMax) owed.add(key)
    }
  }
  commands.on('ready', () => void Promise.all([...owed].map(doubt)))

  return {
    /** Whether the person was found to have the right, and nothing has put it in doubt since. */
    async isGranted(channel: string, profileId: string): Promise<boolean> {
      const keys = [`right:${channel}:${profileId}`, doubtOf(channel), doubtOf(profileId)]
      const [grant, ...doubts] = await commands.mget(keys).catch(() => [null])
      return grant !== null && doubts.every(one => one === null)
    },

    async grant(channel: string, profileId: string): Promise<void> {
      await commands.set(`right:${channel}:${profileId}`, '', 'PX', grantMs).catch(() => undefined)
    },

    /** From now on the rights of the person, or in the channel, are asked for anew. Never rejects. */
    async unsettle({ channel, profileId }: Unsettled): Promise<void> {
      const doubtful = profileId ?? channel
      if (doubtful !== undefined) await doubt(doubtOf(doubtful))
    },
  }
}

const doubtOf = (what: string): string => `doubt:${what}`
