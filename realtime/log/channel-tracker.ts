import { type ChannelEvent, type EventFrame } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { type LogPage } from './log-reader'

/** Newest events kept in memory, for clients that reconnect within moments. */
const recentMax = 64

/** Result for a frame: events to deliver, only known events, a gap before it, or another epoch. */
export type FrameResult = { fresh: readonly ChannelEvent[] } | 'repeated' | 'gap' | 'other epoch'

/** The position of one channel on this node, with a buffer of the newest delivered events. */
export class ChannelTracker {
  epoch = ''
  /** Offset of the newest delivered event; -1 until placed. */
  lastOffset = -1
  private recent: ChannelEvent[] | undefined

  constructor(readonly channel: string) {}

  get hasPosition(): boolean {
    return this.lastOffset >= 0
  }

  /** Starts after `position`; earlier events were not received on this node. */
  startAfter({ epoch, offset }: Position): void {
    this.epoch = epoch
    this.lastOffset = offset
    this.recent = undefined
  }

  /** Drops known events and checks for a gap. */
  accept({ epoch, events }: Pick<EventFrame, 'epoch' | 'events'>): FrameResult {
    if (epoch !== this.epoch) return 'other epoch'
    const fresh = events.filter(({ offset }) => offset > this.lastOffset)
    const [first] = fresh
    if (first === undefined) return 'repeated'
    if (first.offset !== this.lastOffset + 1) return 'gap'
    this.lastOffset += fresh.length
    this.recent ??= []
    this.recent.push(...fresh)
    if (this.recent.length > recentMax) this.recent.splice(0, this.recent.length - recentMax)
    return { fresh }
  }

  /** Prepends events read from the log to the buffer, when they connect to it: other clients that reconnect need the same. */
  prepend({ epoch, events = [] }: Pick<LogPage, 'epoch' | 'events'>): void {
    const end = events.at(-1)?.offset ?? 0
    const oldest = this.recent?.[0]?.offset ?? this.lastOffset + 1
    if (epoch !== this.epoch || end < oldest - 1 || end > this.lastOffset) return
    const older = events.filter(({ offset }) => offset < oldest)
    this.recent = [...older, ...(this.recent ?? [])].slice(-recentMax)
  }

  /** The delivered events after an offset; undefined unless all of them are in the buffer. */
  eventsAfter(offset: number): readonly ChannelEvent[] | undefined {
    if (offset === this.lastOffset) return []
    const oldest = this.recent?.[0]?.offset ?? Infinity
    return offset < this.lastOffset && oldest <= offset + 1 ? this.recent?.slice(offset + 1 - oldest) : undefined
  }
}
