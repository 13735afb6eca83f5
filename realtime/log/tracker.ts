import { type Position, type StreamEvent, type StreamFrame } from '../../kernel/stream'
import { type ReadPart } from './read-log'

/** Newest events kept in memory, for clients that reconnect within moments. */
const recentMax = 64

/** Result for a frame: events to deliver, only known events, a gap before it, or another epoch. */
export type Seen = { fresh: readonly StreamEvent[] } | 'repeated' | 'gap' | 'other epoch'

/** The position of one channel on this node, with a buffer of the newest delivered events. */
export class Tracker {
  epoch = ''
  /** Offset of the newest delivered event; -1 until placed. */
  last = -1
  private recent: StreamEvent[] | undefined

  constructor(readonly channel: string) {}

  get isPlaced(): boolean {
    return this.last >= 0
  }

  /** Starts after `position`; earlier events were not received on this node. */
  place({ epoch, offset }: Position): void {
    this.epoch = epoch
    this.last = offset
    this.recent = undefined
  }

  /** Drops known events and checks for a gap. */
  see({ epoch, events }: Pick<StreamFrame, 'epoch' | 'events'>): Seen {
    if (epoch !== this.epoch) return 'other epoch'
    const fresh = events.filter(({ offset }) => offset > this.last)
    const [first] = fresh
    if (first === undefined) return 'repeated'
    if (first.offset !== this.last + 1) return 'gap'
    this.last += fresh.length
    this.recent ??= []
    this.recent.push(...fresh)
    if (this.recent.length > recentMax) this.recent.splice(0, this.recent.length - recentMax)
    return { fresh }
  }

  /** Prepends events read from the log to the buffer, when they connect to it: other clients that reconnect need the same. */
  recall({ epoch, events = [] }: Pick<ReadPart, 'epoch' | 'events'>): void {
    const end = events.at(-1)?.offset ?? 0
    const oldest = this.recent?.[0]?.offset ?? this.last + 1
    if (epoch !== this.epoch || end < oldest - 1 || end > this.last) return
    const older = events.filter(({ offset }) => offset < oldest)
    this.recent = [...older, ...(this.recent ?? [])].slice(-recentMax)
  }

  /** The delivered events after an offset; undefined unless all of them are in the buffer. */
  after(offset: number): readonly StreamEvent[] | undefined {
    if (offset === this.last) return []
    const oldest = this.recent?.[0]?.offset ?? Infinity
    return offset < this.last && oldest <= offset + 1 ? this.recent?.slice(offset + 1 - oldest) : undefined
  }
}
