import { type CatchUp, type Frame, type Position, type StreamEvent } from './stream'

/** What can be given to the application now, and whether something is known to be missing behind it. */
export interface Run {
  events: StreamEvent[]
  isMissing: boolean
}

/** More than this is not kept for later: it is in the log of the channel too. */
export const waitingEventsMax = 2_000

/**
 * Puts what arrives, in whatever order and however often, into the one order of the channel: an event is given exactly
 * when it is the next one. What is ahead waits. Pure: it neither asks nor tells.
 */
export class Sequence {
  #waiting: Frame[] = []
  #isOverfull = false

  /** Without a place nothing can be given: the first answer brings one. */
  constructor(public place?: Position) {}

  hear(frame: Frame): Run {
    this.#waiting.push(frame)
    return this.#run()
  }

  /** An answer to what was asked after `place`; one that has not recovered is for `restart`. */
  answer(answer: CatchUp): Run {
    this.place ??= { epoch: answer.epoch, offset: answer.top }
    this.#waiting.unshift(answer)
    const { events } = this.#run()
    const isForeign = this.#waiting.some(({ epoch }) => epoch !== answer.epoch)
    // What is ahead comes again over one that streams.
    const isStream = answer.streams === true
    this.#waiting = isStream ? [] : this.#waiting.filter(({ epoch }) => epoch === answer.epoch)
    const isAhead = this.#waiting.length > 0 || this.#isOverfull
    this.#isOverfull = false
    return { events, isMissing: isForeign || (isAhead && !isStream) }
  }

  /** Goes on from a place that is not reached by events. */
  restart(place: Position): void {
    this.place = place
  }

  /** Takes what continues, drops what is known, keeps what is ahead or speaks of another epoch. */
  #run(): Run {
    const events: StreamEvent[] = []
    for (let before = -1; before < events.length;) {
      before = events.length
      this.#waiting = this.#waiting.filter(frame => frame.epoch !== this.place?.epoch || !this.#take(frame, events))
    }
    const isMissing = this.#waiting.length > 0
    if (this.#waiting.reduce((sum, frame) => sum + frame.events.length, 0) > waitingEventsMax) {
      this.#waiting = []
      this.#isOverfull = true
    }
    return { events, isMissing }
  }

  /** Whether nothing of the frame is left. */
  #take(frame: Frame, taken: StreamEvent[]): boolean {
    for (const event of frame.events) {
      const next = (this.place?.offset ?? 0) + 1
      if (event.offset > next) return false
      if (event.offset < next) continue
      taken.push(event)
      this.place = { epoch: frame.epoch, offset: next }
    }
    return true
  }
}
