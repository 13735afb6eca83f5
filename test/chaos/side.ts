import { type CatchUp, type Position, type StreamEvent, type StreamFrame } from '../../kernel/stream'
import { digestOf, type Step } from './oracle'

/**
 * A client's side of one channel: the resume rule of the wire contract, whatever road events come by. It is written from
 * the contract alone and shares no code with `client/`, so that the two check each other.
 */
export class Side {
  position: Position | undefined
  steps: Step[] = []
  /** The position before the first of `steps`. */
  from = 0
  resets = 0
  /** Events that came again, live or in a catch-up, and were dropped. */
  repeats = 0
  /** Frames that did not continue what was there, and were repaired. */
  gaps = 0
  deliveries = 0
  /** When the last event was applied, in epoch milliseconds. */
  lastAt = 0
  /** The longest from an event to its being applied. */
  worstMs = 0
  /** What the server said that cannot be true. */
  readonly lies: string[] = []
  private queue: StreamFrame[] | undefined
  private asked = 0

  constructor(
    readonly channel: string,
    private readonly since = Date.now(),
  ) {}

  /** Frames that come from now on wait for the answer to question `n`; answers to earlier ones no longer count. */
  ask(): number {
    this.queue ??= []
    return (this.asked += 1)
  }

  isCurrent(question: number): boolean {
    return question === this.asked
  }

  /** Takes the answer; true: follow again. */
  catchUp({ epoch, top, events, recovered, more }: CatchUp): boolean {
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
    if (epoch !== this.position.epoch) this.lies.push(`recovered across epochs`)
    if (!this.apply(events)) this.lies.push(`recovered after ${before}, but not what follows it`)
    if (more) return events.length > 0 || this.lie('more, and nothing')
    if (this.position.offset < top) this.lies.push(`no more after ${this.position.offset}, but the top is ${top}`)
    const waiting = this.queue ?? []
    this.queue = undefined
    return waiting.map(frame => this.hear(frame)).includes('hole')
  }

  /** Takes a live frame. A hole: follow again. */
  hear(frame: StreamFrame): 'fine' | 'hole' {
    if (this.queue !== undefined) {
      this.queue.push(frame)
      return 'fine'
    }
    if (frame.epoch === this.position?.epoch && this.apply(frame.events)) return 'fine'
    this.gaps += 1
    return 'hole'
  }

  /** Takes an event as it is, whatever came before it. */
  given(event: StreamEvent): void {
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

  /** Forgets what has been judged. */
  turnPage(): void {
    this.from = this.position?.offset ?? 0
    this.steps = []
    this.resets = this.repeats = this.gaps = this.deliveries = this.worstMs = 0
  }

  /** False when something is missing before one of them. */
  private apply(events: readonly StreamEvent[]): boolean {
    for (const event of events) {
      const at = this.position
      if (at === undefined || event.offset > at.offset + 1) return false
      if (event.offset <= at.offset) this.repeats += 1
      else this.given(event)
    }
    return true
  }

  private lie(what: string): true {
    this.lies.push(what)
    return true
  }
}
