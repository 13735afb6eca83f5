import { type CatchUp, type Frame, type Position, type ChannelEvent } from './frames'

/** The events that can be delivered now, and whether there is a gap after them. */
export interface SequenceResult {
  events: ChannelEvent[]
  isMissing: boolean
}

/** Limit of buffered events ahead of a gap; beyond it they are dropped and read from the log. */
export const bufferedEventsMax = 2_000

/**
 * Orders and deduplicates frames: an event is returned exactly when its offset is the next one, frames ahead of a gap are buffered.
 * Pure: makes no requests and calls no listeners.
 */
export class Sequence {
  #buffered: Frame[] = []
  #hasOverflowed = false

  /** Without a position no event is returned; the first answer sets it. */
  constructor(public position?: Position) {}

  receive(frame: Frame): SequenceResult {
    this.#buffered.push(frame)
    return this.#run()
  }

  /** Takes an answer to a request after `position`. For an answer that has not recovered, call `restart` instead. */
  receiveCatchUp(answer: CatchUp): SequenceResult {
    this.position ??= { epoch: answer.epoch, offset: answer.latestOffset }
    this.#buffered.unshift(answer)
    const { events } = this.#run()
    const isForeign = this.#buffered.some(({ epoch }) => epoch !== answer.epoch)
    // A streaming transport sends the buffered events again.
    const isStream = answer.eventsFollow === true
    this.#buffered = isStream ? [] : this.#buffered.filter(({ epoch }) => epoch === answer.epoch)
    const isAhead = this.#buffered.length > 0 || this.#hasOverflowed
    this.#hasOverflowed = false
    return { events, isMissing: isForeign || (isAhead && !isStream) }
  }

  /** Continues from a position that was not reached by events. */
  restart(position: Position): void {
    this.position = position
  }

  /** Takes the next events, drops known ones, keeps frames ahead of a gap or of another epoch. */
  #run(): SequenceResult {
    const events: ChannelEvent[] = []
    for (let before = -1; before < events.length;) {
      before = events.length
      this.#buffered = this.#buffered.filter(
        frame => frame.epoch !== this.position?.epoch || !this.#take(frame, events),
      )
    }
    const isMissing = this.#buffered.length > 0
    if (this.#buffered.reduce((sum, frame) => sum + frame.events.length, 0) > bufferedEventsMax) {
      this.#buffered = []
      this.#hasOverflowed = true
    }
    return { events, isMissing }
  }

  /** Returns whether the whole frame is consumed. */
  #take(frame: Frame, taken: ChannelEvent[]): boolean {
    for (const event of frame.events) {
      const next = (this.position?.offset ?? 0) + 1
      if (event.offset > next) return false
      if (event.offset < next) continue
      taken.push(event)
      this.position = { epoch: frame.epoch, offset: next }
    }
    return true
  }
}
