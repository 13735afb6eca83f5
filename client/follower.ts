import { type Signal, type SnapshotOf, type StateOf, type TuttiEvent } from './events'
import { type Presence } from './presence'
import { listenerFailed, type TuttiProblem } from './problem'
import { type Reader } from './reader'
import { type Position, type StreamEvent } from './stream'

/** What an application wants to hear of a channel. One that throws, or whose promise is rejected, takes nothing from the others. */
export interface Handlers<C extends string = string> {
  /** Every event once, in the one order of the channel. */
  onEvent?: ((event: TuttiEvent) => unknown) | undefined
  /** The whole state: put it in the place of yours. Events go on behind it; the first may repeat what it holds already. */
  onSnapshot?: ((data: SnapshotOf<C>, position: Position) => unknown) | undefined
  /** Events are missing for good, and no snapshot makes up for them: read what you show anew. */
  onGap?: (() => unknown) | undefined
  /** Those of the channel's values that are new, by name: each is absolute. */
  onState?: ((state: StateOf<C>) => unknown) | undefined
  onPresence?: ((presence: Presence) => unknown) | undefined
  onSignal?: ((signal: Signal<C>) => unknown) | undefined
  /** It is over: you may follow it no longer, or have closed the client (`closed`). */
  onClosed?: ((problem: TuttiProblem) => unknown) | undefined
}

/** Where what is heard goes: to the application at once, or to where it fetches it. */
export interface Outlet {
  isFull: boolean
  /** After `run`, everything up to `place` has been given. */
  post(follower: Follower, run: () => void, place: Position): void
}

const atOnce: Outlet = {
  isFull: false,
  post(follower, run, place) {
    run()
    follower.give(place)
  },
}

/** One who hears a channel. */
export class Follower {
  /** Everything up to here has been given to the application. */
  given: Position | undefined
  /** Of its own, when it began somewhere else than the channel. */
  reader: Reader | undefined
  /** Where it stopped to hear because it had too much. */
  lagsAfter: Position | undefined
  #isStopped = false
  /** Settles when it hears everything, or may not. */
  readonly joined: Promise<void>
  settle: (problem?: TuttiProblem) => void = () => undefined
  #posted: Position | undefined

  constructor(
    readonly handlers: Handlers,
    private readonly report: (problem: TuttiProblem) => void,
    private readonly onGiven: () => void,
    private readonly outlet: Outlet = atOnce,
  ) {
    this.joined = new Promise((resolve, reject) => {
      this.settle = problem => (problem === undefined ? resolve() : reject(problem))
    })
    this.joined.catch(() => undefined)
  }

  give(place: Position): void {
    this.given = place
    this.onGiven()
  }

  events(events: readonly StreamEvent[], epoch: string): void {
    for (const event of events) {
      if (this.outlet.isFull) this.lagsAfter ??= this.#posted
      if (this.lagsAfter !== undefined) {
        this.stopReading()
        return
      }
      // The server keeps the shape of events, as the types generated from it say.
      this.say(({ onEvent }) => onEvent?.(event as TuttiEvent), { epoch, offset: event.offset })
    }
  }

  /** Tells it when its turn has come: at once, or when all before `place` has been given. */
  say(what: (handlers: Handlers) => unknown, place?: Position): void {
    if (this.#isStopped) return
    if (place === undefined) {
      this.#tell(what)
      return
    }
    this.#posted = place
    this.outlet.post(this, () => this.#tell(what), place)
  }

  /** Hears nothing more. */
  stop(): void {
    this.#isStopped = true
    this.stopReading()
    this.settle()
  }

  stopReading(): void {
    this.reader?.stop()
    this.reader = undefined
  }

  #tell(what: (handlers: Handlers) => unknown): void {
    if (this.#isStopped) return
    const failed = (error: unknown) => this.report(listenerFailed(error))
    try {
      const result = what(this.handlers)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
