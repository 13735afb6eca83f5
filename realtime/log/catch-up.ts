import { catchUpEventsMax } from '../../kernel/protocol'
import { type CatchUp, type Position, type StreamEvent } from '../../kernel/stream'
import { type World } from '../../kernel/world'
import { type LogReader } from './read-log'
import { type Tracker } from './tracker'

/** Beyond this the rest is asked for with the next. */
export const caughtBytesMax = 256 * 1024

export type Caught = Omit<CatchUp, 'state'>

/** What a follower that was away missed, or that it cannot be told. */
export async function catchUpFrom(
  world: Pick<World, 'channels' | 'metrics'>,
  log: LogReader,
  tracker: Tracker,
  after: Position,
  bytesMax: number,
): Promise<Caught> {
  const { channel, epoch, last } = tracker
  const remembered = after.epoch === epoch ? tracker.after(after.offset) : undefined
  if (remembered !== undefined) {
    world.metrics.resumes.inc({ outcome: 'hit' })
    return { channel, epoch, top: last, ...capped(remembered, last, bytesMax), recovered: true }
  }
  const missed = { channel, epoch, top: last, events: [], recovered: false, more: false }
  // Any client can claim any epoch: only the present one is worth a read.
  const isPresent = after.epoch === epoch || after.epoch === (await world.channels.epoch())
  const part = isPresent ? await log.after(channel, after, Math.max(last, after.offset)) : undefined
  world.metrics.resumes.inc({ outcome: part?.events === undefined ? 'miss' : 'hit' })
  if (part === undefined) return missed
  if (part.events === undefined) return { ...missed, epoch: part.epoch, top: part.top }
  tracker.recall(part)
  return { channel, epoch: part.epoch, top: part.top, ...capped(part.events, part.top, bytesMax), recovered: true }
}

/** As many events, from the first, as one answer may hold. */
function capped(events: readonly StreamEvent[], top: number, bytesMax: number): Pick<CatchUp, 'events' | 'more'> {
  let bytes = 0
  let count = 0
  for (const event of events.slice(0, catchUpEventsMax)) {
    bytes += JSON.stringify(event).length
    if (bytes > bytesMax && count > 0) break
    count += 1
  }
  const some = count === events.length ? events : events.slice(0, count)
  return { events: some, more: (some.at(-1)?.offset ?? top) < top }
}
