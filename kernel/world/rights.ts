import { type Unsettled } from '../event'
import { gather } from '../gather'
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

  // Whoever comes back asks for all their channels at once.
  const isThere = gather(async (keys): Promise<ReadonlyMap<string, true>> => {
    const found = await commands.mget([...keys])
    return new Map(keys.flatMap((key, index): [string, true][] => (found[index] === null ? [] : [[key, true]])))
  })

  return {
    /** Whether the person was found to have the right, and nothing has put it in doubt since. */
    async isGranted(channel: string, profileId: string): Promise<boolean> {
      const asked = [grantOf(channel, profileId), doubtOf(channel), doubtOf(profileId)]
      const [grant, ...doubts] = await Promise.all(asked.map(isThere)).catch(() => [false])
      return grant === true && !doubts.includes(true)
    },

    async grant(channel: string, profileId: string): Promise<void> {
      await commands.set(grantOf(channel, profileId), '', 'PX', grantMs).catch(() => undefined)
    },

    /** From now on the rights of the person, or in the channel, are asked for anew. Never rejects. */
    async unsettle({ channel, profileId }: Unsettled): Promise<void> {
      const doubtful = profileId ?? channel
      if (doubtful !== undefined) await doubt(doubtOf(doubtful))
    },
  }
}

const grantOf = (channel: string, profileId: string): string => `right:${channel}:${profileId}`
const doubtOf = (what: string): string => `doubt:${what}`
