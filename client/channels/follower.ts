import { type Signal, type SnapshotOf, type StateOf, type TuttiEvent } from './events'
import { type ChannelPresence } from './roster'
import { listenerFailed, type TuttiProblem } from '../problem'
import { type ChannelReader } from './channel-reader'
import { type Position, type ChannelEvent } from './frames'

/** Listeners for a channel. One that throws or rejects is reported to `onProblem` and does not affect the others. */
export interface ChannelHandlers<C extends string = string> {
  /** Every event once, in the order of the channel. */
  onEvent?: ((event: TuttiEvent) => unknown) | undefined
  /** The complete state: replace yours by it. Events continue after `position`; the first ones may already be in it. */
  onSnapshot?: ((data: SnapshotOf<C>, position: Position) => unknown) | undefined
  /** Events are lost and there is no snapshot: reload what you show. */
  onGap?: (() => unknown) | undefined
  /** The changed values of the channel's state, by name: each is absolute. */
  onState?: ((state: StateOf<C>) => unknown) | undefined
  onPresence?: ((presence: ChannelPresence) => unknown) | undefined
  onSignal?: ((signal: Signal<C>) => unknown) | undefined
  /** The channel may not be followed any more, or the client was closed (code `closed`). */
  onClosed?: ((problem: TuttiProblem) => unknown) | undefined
}

/** Receives what a follower delivers: runs it at once, or queues it until the application fetches it. */
export interface DeliveryQueue {
  isFull: boolean
  /** After `run`, everything up to `position` is delivered. */
  push(follower: Follower, run: () => void, position: Position): void
}

const immediate: DeliveryQueue = {
  isFull: false,
  push(follower, run, position) {
    run()
    follower.markDelivered(position)
  },
}

/** One follower of a channel in this client. */
export class Follower {
  /** Everything up to this position has been delivered to the application. */
  delivered: Position | undefined
  /** Its own reader, while it is at another position than the channel. */
  reader: ChannelReader | undefined
  /** The position where it stopped because its queue was full. */
  stoppedAfter: Position | undefined
  #isStopped = false
  /** Resolves when the follower receives everything; rejects when it may not follow. */
  readonly joined: Promise<void>
  settleJoin: (problem?: TuttiProblem) => void = () => undefined
  #posted: Position | undefined

  constructor(
    readonly handlers: ChannelHandlers,
    private readonly report: (problem: TuttiProblem) => void,
    private readonly onGiven: () => void,
    private readonly queue: DeliveryQueue = immediate,
  ) {
    this.joined = new Promise((resolve, reject) => {
      this.settleJoin = problem => (problem === undefined ? resolve() : reject(problem))
    })
    this.joined.catch(() => undefined)
  }

  markDelivered(position: Position): void {
    this.delivered = position
    this.onGiven()
  }

  deliverEvents(events: readonly ChannelEvent[], epoch: string): void {
    for (const event of events) {
      if (this.queue.isFull) this.stoppedAfter ??= this.#posted
      if (this.stoppedAfter !== undefined) {
        this.stopReading()
        return
      }
      // The server keeps the shape of events, as the generated types say.
      this.deliver(({ onEvent }) => onEvent?.(event as TuttiEvent), { epoch, offset: event.offset })
    }
  }

  /** Calls a listener: in order at `position`, or at once without one. */
  deliver(call: (handlers: ChannelHandlers) => unknown, position?: Position): void {
    if (this.#isStopped) return
    if (position === undefined) {
      this.#call(call)
      return
    }
    this.#posted = position
    this.queue.push(this, () => this.#call(call), position)
  }

  /** Delivers nothing more. */
  stop(): void {
    this.#isStopped = true
    this.stopReading()
    this.settleJoin()
  }

  stopReading(): void {
    this.reader?.stop()
    this.reader = undefined
  }

  #call(call: (handlers: ChannelHandlers) => unknown): void {
    if (this.#isStopped) return
    const failed = (error: unknown) => this.report(listenerFailed(error))
    try {
      const result = call(this.handlers)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
