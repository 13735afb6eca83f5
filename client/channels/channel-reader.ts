import { backoffMs } from '../backoff'
import { asProblem, type TuttiProblem } from '../problem'
import { Sequence } from './sequence'
import { type CatchUp, type Frame, type Position, type ChannelEvent } from './frames'
import { type Timers } from '../timers'

export interface Snapshot {
  data: unknown
  position: Position
}

export interface Restart {
  position: Position
  snapshot?: Snapshot | undefined
  /** True when events before `position` are lost; false at the first start. */
  isGap: boolean
}

export interface ChannelReaderDependencies {
  timers: Timers
  requestEvents(after: Position | undefined): Promise<CatchUp>
  /** Returns undefined when no follower wants a snapshot, or the channel has none. */
  takeSnapshot(): Promise<Snapshot | undefined>
  onEvents(events: readonly ChannelEvent[], epoch: string): void
  /** Reading continues after a position not reached by events; the snapshot, if any, includes their effect. */
  onRestart(restart: Restart): void
  /** Called for every answer, recovered or not. */
  onAnswer(answer: CatchUp): void
  /** Called when no events are missing. */
  onCurrent(): void
  /** Returns whether to retry. */
  onProblem(problem: TuttiProblem): boolean
}

/** Reads one channel from a position: requests events until none is missing, and again whenever there is a gap. */
export class ChannelReader {
  readonly #sequence: Sequence
  /** Id of the latest catch-up; earlier ones stop. */
  #catchUpId = 0
  #isCatchingUp = false

  constructor(
    private readonly tools: ChannelReaderDependencies,
    position: Position | undefined,
    private wantsSnapshot: boolean,
  ) {
    this.#sequence = new Sequence(position)
  }

  get position(): Position | undefined {
    return this.#sequence.position
  }

  get isCurrent(): boolean {
    return !this.#isCatchingUp && this.position !== undefined
  }

  receive(frame: Frame): void {
    const { events, isMissing } = this.#sequence.receive(frame)
    this.#emit(events)
    if (isMissing && !this.#isCatchingUp) void this.catchUp()
  }

  stop(): void {
    this.#catchUpId += 1
    this.#isCatchingUp = false
  }

  /** Requests events, after failures with a back-off. Resolves when none is missing, or when a newer catch-up has started. */
  async catchUp(failures = 0): Promise<void> {
    this.#catchUpId += 1
    const id = this.#catchUpId
    this.#isCatchingUp = true
    let retryAfter: number | undefined
    while (id === this.#catchUpId) {
      if (failures > 0) await this.tools.timers.pause(backoffMs(failures - 1, retryAfter))
      if (id !== this.#catchUpId) return
      const before = this.position
      try {
        if (await this.#requestOnce(id)) return
        retryAfter = undefined
        // No progress although events are missing, for example from a node that lags: back off.
        failures = isSame(before, this.position) ? failures + 1 : 0
      } catch (error) {
        if (id !== this.#catchUpId) return
        const problem = asProblem(error)
        if (!this.tools.onProblem(problem)) {
          this.stop()
          return
        }
        retryAfter = problem.retryAfter
        failures += 1
      }
    }
  }

  /** Returns whether no events are missing. */
  async #requestOnce(id: number): Promise<boolean> {
    if (this.wantsSnapshot && this.position === undefined) {
      const snapshot = await this.tools.takeSnapshot()
      if (id !== this.#catchUpId) return true
      this.wantsSnapshot = false
      if (snapshot !== undefined) this.#startAfter({ position: snapshot.position, snapshot, isGap: false })
    }
    const requested = this.position
    const answer = await this.tools.requestEvents(requested)
    if (id !== this.#catchUpId) return true
    const isLost = requested !== undefined && (!answer.recovered || answer.epoch !== requested.epoch)
    this.tools.onAnswer(answer)
    if (isLost) return this.#restart(answer, id)
    const { epoch, latestOffset: offset } = answer
    if (requested === undefined) this.#startAfter({ position: { epoch, offset }, isGap: false })
    const { events, isMissing } = this.#sequence.receiveCatchUp(answer)
    this.#isCatchingUp = answer.hasMore || isMissing
    this.#emit(events)
    if (!this.#isCatchingUp) this.tools.onCurrent()
    return !this.#isCatchingUp
  }

  async #restart({ epoch, latestOffset }: CatchUp, id: number): Promise<boolean> {
    const snapshot = await this.tools.takeSnapshot()
    if (id !== this.#catchUpId) return true
    this.#startAfter({ position: snapshot?.position ?? { epoch, offset: latestOffset }, snapshot, isGap: true })
    return false
  }

  #startAfter(restart: Restart): void {
    this.#sequence.restart(restart.position)
    this.tools.onRestart(restart)
  }

  #emit(events: readonly ChannelEvent[]): void {
    if (events.length > 0) this.tools.onEvents(events, this.position?.epoch ?? '')
  }
}

const isSame = (a: Position | undefined, b: Position | undefined): boolean =>
  a?.epoch === b?.epoch && a?.offset === b?.offset
