import { type RedisClients } from './redis'
import { read, refresh, tell } from './presence-scripts'

/** Up to so many members are told by name; above only their number is. */
export const membersShownMax = 200

/** For so long after the last member a channel's `rev` is remembered. */
const restMs = 3_600_000
/** So many dead nodes are named at a time. */
const deadNodesMax = 20

export interface PresenceTimes {
  /** A node that is not heard of for so long is dead. */
  leaseMs: number
  refreshMs: number
  /** Whoever drops out abruptly, or with their node, is still there for so long. */
  graceMs: number
  /** Followers hear of a channel's presence once in so long. */
  windowMs: number
}

const usualTimes: PresenceTimes = { leaseMs: 10_000, refreshMs: 3_000, graceMs: 15_000, windowMs: 200 }

/** Who is on a channel. Its `base` is another one when Redis lost what it knew, and `rev` goes on above all it has been. */
export interface Attendance {
  rev: number
  base: string
  count: number
  /** Null when there are more than `membersShownMax`. */
  members: readonly string[] | null
}

/** What changed with one revision. */
export interface AttendanceChange extends Pick<Attendance, 'rev' | 'base' | 'count'> {
  joined: readonly string[]
  left: readonly string[]
}

export interface Refreshed {
  /** `lost`: others may have given the node up, and it must begin anew under another id. `late`: almost. */
  state: 'steady' | 'late' | 'lost'
  dead: readonly { node: string; sinceMs: number }[]
}

export type Presence = ReturnType<typeof createPresence>

/**
 * Who is where, in Redis: for each channel the members, each with the nodes that hold sockets of theirs, and for each node a
 * lease. Each script is one step for all nodes, so that joining first and leaving last are decided once. The time is that
 * of Redis: a lease must not depend on whose clock is right. Nothing here outlives Redis; nodes tell it again.
 */
export function createPresence({ commands, prefix }: RedisClients, times: PresenceTimes = usualTimes) {
  commands.defineCommand('presenceTell', { numberOfKeys: 4, lua: tell })
  commands.defineCommand('presenceRead', { numberOfKeys: 2, lua: read, readOnly: true })
  commands.defineCommand('presenceRefresh', { numberOfKeys: 1, lua: refresh })
  const scripts = commands as unknown as Scripts

  async function say(mode: Mode, channel: string, node: string, joins: readonly string[], leaves: readonly string[]) {
    const keys = [...keysOf(channel), nodesKey, channelsKey(node)] as const
    const text = [JSON.stringify(joins), JSON.stringify(leaves)] as const
    const topic = `${prefix}:presence:${channel}`
    return scripts.presenceTell(...keys, topic, channel, node, mode, ...text, times.graceMs, restMs)
  }

  return {
    times,

    /** Where the changes of a channel are published. */
    topic: (channel: string): string => `${prefix}:presence:${channel}`,

    /** The revision after a node's change; undefined when its lease is lost and nothing was changed. */
    async change(channel: string, node: string, joins: readonly string[], leaves: readonly string[]) {
      return revAfter(await say('change', channel, node, joins, leaves))
    },

    /** The same, with all that the node has there. */
    async state(channel: string, node: string, members: readonly string[]) {
      return revAfter(await say('state', channel, node, members, []))
    },

    /** Takes a dead node out of a channel. Any number of others may do it at once and again. */
    async sweep(channel: string, node: string): Promise<void> {
      await say('sweep', channel, node, [], [])
    },

    async read(channel: string): Promise<Attendance> {
      const [rev, base, count, members] = await scripts.presenceRead(...keysOf(channel), membersShownMax)
      return { rev: Number(rev), base, count, members }
    },

    /** Renews the lease of a node; `isNew` when it had none yet. Names nodes whose members' grace is over. */
    async refresh(node: string, isNew: boolean): Promise<Refreshed> {
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

    /** A node that goes away gives its lease up: the grace of its members begins now. */
    async resign(node: string): Promise<void> {
      await scripts.presenceRefresh(nodesKey, node, 0, 0, times.graceMs, 0)
    },

    /** The channels in which a node had members. */
    channelsOf: (node: string): Promise<string[]> => commands.smembers(channelsKey(node)),

    async forget(node: string): Promise<void> {
      await commands.multi().zrem(nodesKey, node).del(channelsKey(node)).exec()
    },
  }
}

/** Nodes and the ends of their leases. */
export const nodesKey = 'presence:nodes'
const channelsKey = (node: string) => `presence:node:${node}`
const keysOf = (channel: string) => [`presence:{${channel}}:members`, `presence:{${channel}}:meta`] as const

/** A change as it is published; undefined when somebody else wrote it. */
export function readChange(message: string): AttendanceChange | undefined {
  const [rev = '', base = '', count = '', joined = '', left = ''] = message.split(' ')
  if (!/^\d+$/.test(rev) || !/^\d+$/.test(count)) return undefined
  const ids = (text: string) => (text === '' ? [] : text.split(','))
  return { rev: Number(rev), base, count: Number(count), joined: ids(joined), left: ids(left) }
}

const revAfter = (answer: string): number | undefined => (answer === 'lost' ? undefined : Number(answer))

const pairs = (flat: readonly string[]): [string, string][] =>
  flat.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))

type Mode = 'change' | 'state' | 'sweep'

interface Scripts {
  presenceTell(
    ...args: [
      ...keys: [members: string, meta: string, nodes: string, channels: string],
      ...[topic: string, channel: string, node: string, mode: Mode, joins: string, leaves: string],
      ...[graceMs: number, restMs: number],
    ]
  ): Promise<string>
  presenceRead(
    ...args: [members: string, meta: string, max: number]
  ): Promise<[string, string, number, string[] | null]>
  presenceRefresh(
    ...args: [nodes: string, node: string, isNew: 0 | 1, leaseMs: number, graceMs: number, max: number]
  ): Promise<[Refreshed['state'], ...string[]]>
}
