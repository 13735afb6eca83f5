import { catchUpEventsMax } from '../../kernel/events/protocol'
import { type CatchUp, type ChannelEvent } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { type AppContext } from '../../kernel/platform/app-context'
import { type LogReader } from './log-reader'
import { type ChannelTracker } from './channel-tracker'

/** Byte limit of the events in one answer; with `hasMore: true` the follower asks again. */
export const catchUpBytesMax = 256 * 1024

export type LogCatchUp = Omit<CatchUp, 'state'>

/** The events after a position, or `recovered: false` when the log does not have them all. */
export async function readCatchUp(
  app: Pick<AppContext, 'channelLog' | 'metrics'>,
  log: LogReader,
  tracker: ChannelTracker,
  after: Position,
  bytesMax: number,
): Promise<LogCatchUp> {
  const { channel, epoch, lastOffset } = tracker
  const buffered = after.epoch === epoch ? tracker.eventsAfter(after.offset) : undefined
  if (buffered !== undefined) {
    app.metrics.resumes.inc({ outcome: 'hit' })
    return { channel, epoch, latestOffset: lastOffset, ...capped(buffered, lastOffset, bytesMax), recovered: true }
  }
  const unrecovered = { channel, epoch, latestOffset: lastOffset, events: [], recovered: false, hasMore: false }
  // Read the log for the current epoch only: clients can send any epoch.
  const isCurrentEpoch = after.epoch === epoch || after.epoch === (await app.channelLog.epoch())
  const part = isCurrentEpoch ? await log.readAfter(channel, after, Math.max(lastOffset, after.offset)) : undefined
  app.metrics.resumes.inc({ outcome: part?.events === undefined ? 'miss' : 'hit' })
  if (part === undefined) return unrecovered
  if (part.events === undefined) return { ...unrecovered, epoch: part.epoch, latestOffset: part.latestOffset }
  tracker.prepend(part)
  return {
    channel,
    epoch: part.epoch,
    latestOffset: part.latestOffset,
    ...capped(part.events, part.latestOffset, bytesMax),
    recovered: true,
  }
}

/** The first events that fit into one answer; always at least one. */
function capped(
  events: readonly ChannelEvent[],
  latestOffset: number,
  bytesMax: number,
): Pick<CatchUp, 'events' | 'hasMore'> {
  let bytes = 0
  let count = 0
  for (const event of events.slice(0, catchUpEventsMax)) {
    bytes += JSON.stringify(event).length
    if (bytes > bytesMax && count > 0) break
    count += 1
  }
  const page = count === events.length ? events : events.slice(0, count)
  return { events: page, hasMore: (page.at(-1)?.offset ?? latestOffset) < latestOffset }
}
