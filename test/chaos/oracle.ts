import { createHash } from 'node:crypto'

/** An event that a client applied, or the offset that it reset to because the server could not recover what it missed. */
export type Step = { offset: number; digest: string } | { reset: number }

/** What one client applied on one channel, in order. It had to apply every event after offset `from`. */
export interface ClientHistory {
  client: string
  channel: string
  from: number
  steps: readonly Step[]
}

/** An event in the log of a channel. */
export interface LoggedEvent {
  offset: number
  digest: string
  /** The id of the write that emitted it. */
  write: string
}

/** A write that succeeded, and the channels of its event. */
export interface AcknowledgedWrite {
  write: string
  channels: readonly string[]
}

export interface RunRecord {
  log: ReadonlyMap<string, readonly LoggedEvent[]>
  histories: readonly ClientHistory[]
  acknowledged: readonly AcknowledgedWrite[]
}

export type ViolationKind =
  /** An offset that was skipped and never applied. */
  | 'hole'
  /** An offset lower than one applied before it. */
  | 'order'
  | 'twice'
  /** Differs from the log's event at this offset. */
  | 'changed'
  /** The log has no event at this offset. */
  | 'invented'
  /** The client did not reach the newest event. */
  | 'behind'
  /** An acknowledged write that is not in the log. */
  | 'lost'
  /** A write that is more than once in a channel's log. */
  | 'repeated'
  /** The offsets of the log are not 1, 2, 3, … */
  | 'torn'

export interface Violation {
  kind: ViolationKind
  channel: string
  client?: string
  offset?: number
  write?: string
}

/** Compares what clients applied with the log and the acknowledged writes. Returns all violations. */
export function findViolations({ log, histories, acknowledged }: RunRecord): Violation[] {
  const digestsByChannel = new Map(
    [...log].map(([channel, events]) => [channel, new Map(events.map(e => [e.offset, e.digest]))]),
  )
  return [
    ...[...log].flatMap(([channel, events]) => judgeLog(channel, events)),
    ...histories.flatMap(history =>
      judgeHistory(history, digestsByChannel.get(history.channel) ?? new Map<number, string>()),
    ),
    ...judgeWrites(log, acknowledged),
  ]
}

function judgeLog(channel: string, events: readonly LoggedEvent[]): Violation[] {
  const found: Violation[] = []
  events.forEach(({ offset }, index) => {
    if (offset !== index + 1) found.push({ kind: 'torn', channel, offset })
  })
  const writes = new Set<string>()
  for (const { write, offset } of events) {
    if (writes.has(write)) found.push({ kind: 'repeated', channel, offset, write })
    writes.add(write)
  }
  return found
}

function judgeHistory({ client, channel, from, steps }: ClientHistory, log: ReadonlyMap<number, string>): Violation[] {
  const found: Violation[] = []
  const note = (fault: ViolationKind, offset: number) => found.push({ kind: fault, channel, client, offset })
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
    const logged = log.get(offset)
    if (logged === undefined) note('invented', offset)
    else if (logged !== digest) note('changed', offset)
    seen.add(offset)
    last = Math.max(last, offset)
  }
  for (const offset of missed) note('hole', offset)
  if (last < log.size) note('behind', last)
  return found
}

function judgeWrites(log: RunRecord['log'], acknowledged: readonly AcknowledgedWrite[]): Violation[] {
  const present = new Map([...log].map(([channel, events]) => [channel, new Set(events.map(({ write }) => write))]))
  return acknowledged.flatMap(({ write, channels }) =>
    channels
      .filter(channel => present.get(channel)?.has(write) !== true)
      .map(channel => ({ kind: 'lost' as const, channel, write })),
  )
}

/** A hash of an event that does not depend on the order of its fields. */
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

const holeFaults: readonly ViolationKind[] = ['hole', 'behind', 'torn']
const duplicateFaults: readonly ViolationKind[] = ['twice', 'order', 'repeated']

export const countHoles = (found: readonly Violation[]): number =>
  found.filter(({ kind }) => holeFaults.includes(kind)).length
export const countDuplicates = (found: readonly Violation[]): number =>
  found.filter(({ kind }) => duplicateFaults.includes(kind)).length
