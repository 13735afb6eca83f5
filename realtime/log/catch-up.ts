import { catchUpEventsMax } from '../../kernel/protocol'
import { type CatchUp, type Position, type StreamEvent } from '../../kernel/stream'
import { type World } from '../../kernel/world'
import { type LogReader } from './read-log'
import { type Tracker } from './tracker'

/** Byte limit of the events in one answer; with `more: true` the follower asks again. */
export const caughtBytesMax = 256 * 1024

export type Caught = Omit<CatchUp, 'state'>

/** The events after a position, or `recovered: false` when the log does not have them all. */
export async function catchUpFrom(
  world: Pick<World, 'channels' | 'metrics'>,
  log: LogReader,
  tracker: Tracker,
  after: Position,
  bytesMax: number,
): Promise<Caught> {
  const { channel, epoch, last } = tracker
  const buffered = after.epoch === epoch ? tracker.after(after.offset) : undefined
  if (buffered !== undefined) {
    world.metrics.resumes.inc({ outcome: 'hit' })
    return { channel, epoch, top: last, ...capped(buffered, last, bytesMax), recovered: true }
  }
  const unrecovered = { channel, epoch, top: last, events: [], recovered: false, more: false }
  // Read the log for the current epoch only: clients can send any epoch.
  const isCurrentEpoch = after.epoch === epoch || after.epoch === (await world.channels.epoch())
  const part = isCurrentEpoch ? await log.after(channel, after, Math.max(last, after.offset)) : undefined
  world.metrics.resumes.inc({ outcome: part?.events === undefined ? 'miss' : 'hit' })
  if (part === undefined) return unrecovered
  if (part.events === undefined) return { ...unrecovered, epoch: part.epoch, top: part.top }
  tracker.recall(part)
  return { channel, epoch: part.epoch, top: part.top, ...capped(part.events, part.top, bytesMax), recovered: true }
}

/** The first events that fit into one answer; always at least one. */
function capped(events: readonly StreamEvent[], top: number, bytesMax: number): Pick<CatchUp, 'events' | 'more'> {
  let bytes = 0
  let count = 0
  for (const event of events.slice(0, catchUpEventsMax)) {
    bytes += JSON.stringify(event).length
    if (bytes > bytesMax && count > 0) break
    count += 1
  }
  const page = count === events.length ? events : events.slice(0, count)
  return { events: page, more: (page.at(-1)?.offset ?? top) < top }
}
