import { type RedisClients } from './redis'
import { readMembersScript, renewLeaseScript, updateMembersScript } from './presence-scripts'

/** Up to this many members are listed by id; above it only the count is sent. */
export const membersListedMax = 200

/** How long the `rev` of an empty channel is kept. */
const emptyTtlMs = 3_600_000
/** Dead nodes returned per refresh. */
const deadNodesMax = 20

export interface PresenceTimings {
  /** A node that has not renewed its lease for this long is dead. */
  leaseMs: number
  refreshMs: number
  /** How long a member stays present after an abrupt disconnect or the death of a node. */
  graceMs: number
  /** Presence changes of a channel are batched over this window. */
  windowMs: number
}

const defaultTimes: PresenceTimings = { leaseMs: 10_000, refreshMs: 3_000, graceMs: 15_000, windowMs: 200 }

/** The members of a channel. When Redis loses its data `epoch` changes, and `rev` continues above all earlier values. */
export interface PresenceSnapshot {
  rev: number
  epoch: string
  count: number
  /** Null when there are more than `membersListedMax`. */
  members: readonly string[] | null
}

/** The change of one revision. */
export interface PresenceChange extends Pick<PresenceSnapshot, 'rev' | 'epoch' | 'count'> {
  joined: readonly string[]
  left: readonly string[]
}

export interface LeaseRenewal {
  /** `lost`: others may have swept the node, which must start over with a new id. `late`: the lease had lapsed, within the grace period. */
  state: 'steady' | 'late' | 'lost'
  dead: readonly { node: string; sinceMs: number }[]
}

export type PresenceStore = ReturnType<typeof createPresenceStore>

/**
 * Presence in Redis: for each channel its members, each with the nodes that have sockets of theirs, and for each node a
 * lease. Lua scripts make each update atomic, so that first join and last leave are decided once. Leases use the clock of
 * Redis, not of the nodes. After a loss of Redis the nodes write their members again.
 */
export function createPresenceStore({ commands, prefix }: RedisClients, times: PresenceTimings = defaultTimes) {
  commands.defineCommand('presenceUpdate', { numberOfKeys: 4, lua: updateMembersScript })
  commands.defineCommand('presenceRead', { numberOfKeys: 2, lua: readMembersScript, readOnly: true })
  commands.defineCommand('presenceRefresh', { numberOfKeys: 1, lua: renewLeaseScript })
  const scripts = commands as unknown as Scripts

  async function updateMembers(
    mode: Mode,
    channel: string,
    node: string,
    joins: readonly string[],
    leaves: readonly string[],
  ) {
    const keys = [...keysOf(channel), nodesKey, channelsKey(node)] as const
    const text = [JSON.stringify(joins), JSON.stringify(leaves)] as const
    const topic = `${prefix}:presence:${channel}`
    return scripts.presenceUpdate(...keys, topic, channel, node, mode, ...text, times.graceMs, emptyTtlMs)
  }

  return {
    timings: times,

    /** The pub/sub topic of a channel's changes. */
    topic: (channel: string): string => `${prefix}:presence:${channel}`,

    /** Applies a node's joins and leaves. Returns the new revision; undefined when the lease is lost and nothing changed. */
    async applyChanges(channel: string, node: string, joins: readonly string[], leaves: readonly string[]) {
      return revAfter(await updateMembers('change', channel, node, joins, leaves))
    },

    /** Replaces all members that the node has on the channel. Returns as `applyChanges` does. */
    async replaceMembers(channel: string, node: string, members: readonly string[]) {
      return revAfter(await updateMembers('state', channel, node, members, []))
    },

    /** Removes a dead node from a channel. Idempotent; several nodes may do it at once. */
    async removeDeadNode(channel: string, node: string): Promise<void> {
      await updateMembers('sweep', channel, node, [], [])
    },

    async read(channel: string): Promise<PresenceSnapshot> {
      const [rev, epoch, count, members] = await scripts.presenceRead(...keysOf(channel), membersListedMax)
      return { rev: Number(rev), epoch, count, members }
    },

    /** Renews the lease of a node; `isNew` when it has none yet. Returns dead nodes whose grace period is over. */
    async renewLease(node: string, isNew: boolean): Promise<LeaseRenewal> {
      const { leaseMs, graceMs } = times
      const [state, ...dead] = await scripts.presenceRefresh(
        nodesKey,
        node,
        isNew ? 1 : 0,
        leaseMs,
        graceMs,
        deadNodesMax,
      )
      return { state, dead: pairs(dead).map(([id, sinceMs]) => ({ node: id, sinceMs: Number(sinceMs) })) }
    },

    /** Ends the lease of a node that shuts down, so that the grace period of its members starts now. */
    async endLease(node: string): Promise<void> {
      await scripts.presenceRefresh(nodesKey, node, 0, 0, times.graceMs, 0)
    },

    /** The channels on which a node had members. */
    channelsOf: (node: string): Promise<string[]> => commands.smembers(channelsKey(node)),

    async forgetNode(node: string): Promise<void> {
      await commands.multi().zrem(nodesKey, node).del(channelsKey(node)).exec()
    },
  }
}

/** Sorted set of the nodes by the end of their leases. */
export const nodesKey = 'presence:nodes'
const channelsKey = (node: string) => `presence:node:${node}`
const keysOf = (channel: string) => [`presence:{${channel}}:members`, `presence:{${channel}}:meta`] as const

/** Parses a published change; undefined for a message of another program. */
export function parsePresenceChange(message: string): PresenceChange | undefined {
  const [rev = '', epoch = '', count = '', joined = '', left = ''] = message.split(' ')
  if (!/^\d+$/.test(rev) || !/^\d+$/.test(count)) return undefined
  const ids = (text: string) => (text === '' ? [] : text.split(','))
  return { rev: Number(rev), epoch, count: Number(count), joined: ids(joined), left: ids(left) }
}

const revAfter = (answer: string): number | undefined => (answer === 'lost' ? undefined : Number(answer))

const pairs = (flat: readonly string[]): [string, string][] =>
  flat.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))

type Mode = 'change' | 'state' | 'sweep'

interface Scripts {
  presenceUpdate(
    ...args: [
      ...keys: [members: string, meta: string, nodes: string, channels: string],
      ...[topic: string, channel: string, node: string, mode: Mode, joins: string, leaves: string],
      ...[graceMs: number, emptyTtlMs: number],
    ]
  ): Promise<string>
  presenceRead(
    ...args: [members: string, meta: string, max: number]
  ): Promise<[string, string, number, string[] | null]>
  presenceRefresh(
    ...args: [nodes: string, node: string, isNew: 0 | 1, leaseMs: number, graceMs: number, max: number]
  ): Promise<[LeaseRenewal['state'], ...string[]]>
}
