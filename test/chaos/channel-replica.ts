import { type CatchUp, type ChannelEvent, type EventFrame } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { digestOf, type Step } from './oracle'

/**
 * A client's state of one channel: the resume rule of the protocol, for any transport. It is written from the protocol's
 * documentation and shares no code with `client/`, so that the two check each other.
 */
export class ChannelReplica {
  position: Position | undefined
  steps: Step[] = []
  /** The position before the first of `steps`. */
  from = 0
  resets = 0
  /** The number of repeated events that were dropped. */
  repeats = 0
  /** The number of frames that did not continue at the current offset, and led to a catch-up. */
  gaps = 0
  deliveries = 0
  /** When the last event was applied, in epoch milliseconds. */
  lastAt = 0
  /** The maximum time from an event to its application. */
  worstMs = 0
  /** Messages of the server that contradict the protocol. */
  readonly protocolViolations: string[] = []
  private queue: EventFrame[] | undefined
  private lastRequest = 0

  constructor(
    readonly channel: string,
    private readonly since = Date.now(),
  ) {}

  /** Starts a request and returns its id: queues frames until its reply, and ignores replies to earlier requests. */
  startRequest(): number {
    this.queue ??= []
    return (this.lastRequest += 1)
  }

  isCurrent(requestId: number): boolean {
    return requestId === this.lastRequest
  }

  /** Applies the reply to a follow. True: follow again. */
  applyCatchUp({ epoch, latestOffset: top, events, recovered, hasMore }: CatchUp): boolean {
    if (this.position === undefined) {
      this.position = { epoch, offset: 0 }
      return true
    }
    if (!recovered) {
      this.resets += 1
      this.position = { epoch, offset: top }
      this.steps.push({ reset: top })
      return true
    }
    const before = this.position.offset
    if (epoch !== this.position.epoch) this.protocolViolations.push(`recovered across epochs`)
    if (!this.apply(events)) this.protocolViolations.push(`recovered after ${before}, but not what follows it`)
    if (hasMore) return events.length > 0 || this.recordViolation('`hasMore` without events')
    if (this.position.offset < top)
      this.protocolViolations.push(`no more after ${this.position.offset}, but the top is ${top}`)
    const queued = this.queue ?? []
    this.queue = undefined
    return queued.map(frame => this.receiveFrame(frame)).includes('hole')
  }

  /** Applies a live frame. 'hole': events are missing, follow again. */
  receiveFrame(frame: EventFrame): 'fine' | 'hole' {
    if (this.queue !== undefined) {
      this.queue.push(frame)
      return 'fine'
    }
    if (frame.epoch === this.position?.epoch && this.apply(frame.events)) return 'fine'
    this.gaps += 1
    return 'hole'
  }

  /** Applies an event without checking its offset. */
  applyEvent(event: ChannelEvent): void {
    this.position = { epoch: '', ...this.position, offset: event.offset }
    this.steps.push({ offset: event.offset, digest: digestOf(event) })
    this.deliveries += 1
    this.lastAt = Date.now()
    const happened = Date.parse(event.at)
    if (happened >= this.since) this.worstMs = Math.max(this.worstMs, this.lastAt - happened)
  }

  history(client: string) {
    return { client, channel: this.channel, from: this.from, steps: this.steps }
  }

  /** Starts a new record after the oracle has checked this one. */
  startNewRecord(): void {
    this.from = this.position?.offset ?? 0
    this.steps = []
    this.resets = this.repeats = this.gaps = this.deliveries = this.worstMs = 0
  }

  /** Applies new events; false if events are missing before one of them. */
  private apply(events: readonly ChannelEvent[]): boolean {
    for (const event of events) {
      const at = this.position
      if (at === undefined || event.offset > at.offset + 1) return false
      if (event.offset <= at.offset) this.repeats += 1
      else this.applyEvent(event)
    }
    return true
  }

  private recordViolation(what: string): true {
    this.protocolViolations.push(what)
    return true
  }
}
