import { type Position, type StreamEvent, type StreamFrame } from '../../kernel/stream'
import { type ReadPart } from './read-log'

/** So many of the newest events stay in memory, for those who come back after a moment. */
const recentMax = 64

/** What became of a frame: events to deliver, nothing new, or a hole before it. */
export type Seen = { fresh: readonly StreamEvent[] } | 'repeated' | 'gap' | 'other epoch'

/** Where one channel is on this node: what was delivered, in order, and the newest of it. */
export class Tracker {
  epoch = ''
  /** The offset of the newest event that was delivered. */
  last = -1
  private recent: StreamEvent[] | undefined

  constructor(readonly channel: string) {}

  get isPlaced(): boolean {
    return this.last >= 0
  }

  /** Begins behind `position`: what is older was not heard here. */
  place({ epoch, offset }: Position): void {
    this.epoch = epoch
    this.last = offset
    this.recent = undefined
  }

  /** The duplicate rule and the gap check. */
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

  /** Remembers what was read again and leads up to what is remembered: others who come back ask for the same. */
  recall({ epoch, events = [] }: Pick<ReadPart, 'epoch' | 'events'>): void {
    const end = events.at(-1)?.offset ?? 0
    const oldest = this.recent?.[0]?.offset ?? this.last + 1
    if (epoch !== this.epoch || end < oldest - 1 || end > this.last) return
    const older = events.filter(({ offset }) => offset < oldest)
    this.recent = [...older, ...(this.recent ?? [])].slice(-recentMax)
  }

  /** What was delivered after an offset, as long as all of it is still here. */
  after(offset: number): readonly StreamEvent[] | undefined {
    if (offset === this.last) return []
    const oldest = this.recent?.[0]?.offset ?? Infinity
    return offset < this.last && oldest <= offset + 1 ? this.recent?.slice(offset + 1 - oldest) : undefined
  }
}
