import { createHash } from 'node:crypto'

/** An event that a client applied, or the place that it went to because the server said that what it missed is gone. */
export type Step = { offset: number; digest: string } | { reset: number }

/** What one client did with one channel, in order. Everything after `from` was its to apply. */
export interface History {
  client: string
  channel: string
  from: number
  steps: readonly Step[]
}

/** What the log holds of a channel. */
export interface Logged {
  offset: number
  digest: string
  /** The key of the write that caused it. */
  write: string
}

/** A write that was answered with success, and the channels that it speaks on. */
export interface Acknowledged {
  write: string
  channels: readonly string[]
}

export interface Evidence {
  log: ReadonlyMap<string, readonly Logged[]>
  histories: readonly History[]
  acknowledged: readonly Acknowledged[]
}

export type Fault =
  /** An offset that was passed over and never applied. */
  | 'hole'
  /** An offset below one that was applied before it. */
  | 'order'
  | 'twice'
  /** Not what the log holds at this offset. */
  | 'changed'
  /** Nothing stands at this offset in the log. */
  | 'invented'
  /** The newest event was not reached. */
  | 'behind'
  /** A write that was acknowledged and is not in the log. */
  | 'lost'
  /** A write that is in a channel's log more than once. */
  | 'repeated'
  /** The log itself does not count 1, 2, 3. */
  | 'torn'

export interface Violation {
  fault: Fault
  channel: string
  client?: string
  offset?: number
  write?: string
}

/** Compares what clients applied with what the log holds and what writers were promised. No violation: all is well. */
export function judge({ log, histories, acknowledged }: Evidence): Violation[] {
  const truths = new Map([...log].map(([channel, events]) => [channel, new Map(events.map(e => [e.offset, e.digest]))]))
  return [
    ...[...log].flatMap(([channel, events]) => judgeLog(channel, events)),
    ...histories.flatMap(history => judgeHistory(history, truths.get(history.channel) ?? new Map<number, string>())),
    ...judgeWrites(log, acknowledged),
  ]
}

function judgeLog(channel: string, events: readonly Logged[]): Violation[] {
  const found: Violation[] = []
  events.forEach(({ offset }, index) => {
    if (offset !== index + 1) found.push({ fault: 'torn', channel, offset })
  })
  const writes = new Set<string>()
  for (const { write, offset } of events) {
    if (writes.has(write)) found.push({ fault: 'repeated', channel, offset, write })
    writes.add(write)
  }
  return found
}

function judgeHistory({ client, channel, from, steps }: History, truth: ReadonlyMap<number, string>): Violation[] {
  const found: Violation[] = []
  const note = (fault: Fault, offset: number) => found.push({ fault, channel, client, offset })
  const seen = new Set<number>()
  const missed = new Set<number>()
  let last = from
  for (const step of steps) {
    if ('reset' in step) {
      last = step.reset
      seen.clear()
      continue
    }
    const { offset, digest } = step
    if (seen.has(offset)) note('twice', offset)
    else if (offset <= last) note('order', offset)
    for (let passed = last + 1; passed < offset; passed += 1) missed.add(passed)
    missed.delete(offset)
    const held = truth.get(offset)
    if (held === undefined) note('invented', offset)
    else if (held !== digest) note('changed', offset)
    seen.add(offset)
    last = Math.max(last, offset)
  }
  for (const offset of missed) note('hole', offset)
  if (last < truth.size) note('behind', last)
  return found
}

function judgeWrites(log: Evidence['log'], acknowledged: readonly Acknowledged[]): Violation[] {
  const present = new Map([...log].map(([channel, events]) => [channel, new Set(events.map(({ write }) => write))]))
  return acknowledged.flatMap(({ write, channels }) =>
    channels
      .filter(channel => present.get(channel)?.has(write) !== true)
      .map(channel => ({ fault: 'lost' as const, channel, write })),
  )
}

/** The same for the same event, however its fields are ordered. */
export const digestOf = ({ id, name, at, data }: { id: string; name: string; at: string; data: unknown }): string =>
  createHash('sha1')
    .update(`${id}\n${name}\n${Date.parse(at)}\n${canonical(data)}`)
    .digest('base64')
    .slice(0, 16)

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const holeFaults: readonly Fault[] = ['hole', 'behind', 'torn']
const duplicateFaults: readonly Fault[] = ['twice', 'order', 'repeated']

export const holesIn = (found: readonly Violation[]): number =>
  found.filter(({ fault }) => holeFaults.includes(fault)).length
export const duplicatesIn = (found: readonly Violation[]): number =>
  found.filter(({ fault }) => duplicateFaults.includes(fault)).length
