import { backoffMs } from './backoff'
import { asProblem, type TuttiProblem } from './problem'
import { Sequence } from './sequence'
import { type CatchUp, type Frame, type Position, type StreamEvent } from './stream'
import { type Timers } from './timers'

export interface Snapshot {
  data: unknown
  position: Position
}

export interface Restart {
  position: Position
  snapshot?: Snapshot | undefined
  /** Whether events before it are lost, or it is where the reading begins. */
  isGap: boolean
}

export interface ReaderTools {
  timers: Timers
  ask(after: Position | undefined): Promise<CatchUp>
  /** Nothing when nobody wants one, or the channel has none. */
  takeSnapshot(): Promise<Snapshot | undefined>
  onEvents(events: readonly StreamEvent[], epoch: string): void
  /** It goes on behind a place that events have not led to; what they did is in the data of the snapshot, if any. */
  onRestart(restart: Restart): void
  /** Any answer, recovered or not. */
  onAnswer(answer: CatchUp): void
  /** Nothing is missing now. */
  onCurrent(): void
  /** Whether to try again. */
  onProblem(problem: TuttiProblem): boolean
}

/** Reads one channel from a place on: asks until nothing is missing, and again whenever something is. */
export class Reader {
  readonly #sequence: Sequence
  /** Counts the times that asking began: only the latest may go on. */
  #asking = 0
  #isAsking = false

  constructor(
    private readonly tools: ReaderTools,
    place: Position | undefined,
    private wantsSnapshot: boolean,
  ) {
    this.#sequence = new Sequence(place)
  }

  get place(): Position | undefined {
    return this.#sequence.place
  }

  get isCurrent(): boolean {
    return !this.#isAsking && this.place !== undefined
  }

  hear(frame: Frame): void {
    const { events, isMissing } = this.#sequence.hear(frame)
    this.#tell(events)
    if (isMissing && !this.#isAsking) void this.catchUp()
  }

  stop(): void {
    this.#asking += 1
    this.#isAsking = false
  }

  /** Asks, after failures not at once. Resolves when nothing is missing any more, or when asking has begun anew meanwhile. */
  async catchUp(failures = 0): Promise<void> {
    this.#asking += 1
    const turn = this.#asking
    this.#isAsking = true
    let hint: number | undefined
    while (turn === this.#asking) {
      if (failures > 0) await this.tools.timers.pause(backoffMs(failures - 1, hint))
      if (turn !== this.#asking) return
      const before = this.place
      try {
        if (await this.#askOnce(turn)) return
        hint = undefined
        // Nothing new, and still something missing: as from a node that is behind.
        failures = isSame(before, this.place) ? failures + 1 : 0
      } catch (error) {
        if (turn !== this.#asking) return
        const problem = asProblem(error)
        if (!this.tools.onProblem(problem)) {
          this.stop()
          return
        }
        hint = problem.retryAfter
        failures += 1
      }
    }
  }

  /** Whether that was all. */
  async #askOnce(turn: number): Promise<boolean> {
    if (this.wantsSnapshot && this.place === undefined) {
      const snapshot = await this.tools.takeSnapshot()
      if (turn !== this.#asking) return true
      this.wantsSnapshot = false
      if (snapshot !== undefined) this.#startAfter({ position: snapshot.position, snapshot, isGap: false })
    }
    const asked = this.place
    const answer = await this.tools.ask(asked)
    if (turn !== this.#asking) return true
    const isLost = asked !== undefined && (!answer.recovered || answer.epoch !== asked.epoch)
    this.tools.onAnswer(answer)
    if (isLost) return this.#startAnew(answer, turn)
    const { epoch, top: offset } = answer
    if (asked === undefined) this.#startAfter({ position: { epoch, offset }, isGap: false })
    const { events, isMissing } = this.#sequence.answer(answer)
    this.#isAsking = answer.more || isMissing
    this.#tell(events)
    if (!this.#isAsking) this.tools.onCurrent()
    return !this.#isAsking
  }

  async #startAnew({ epoch, top }: CatchUp, turn: number): Promise<boolean> {
    const snapshot = await this.tools.takeSnapshot()
    if (turn !== this.#asking) return true
    this.#startAfter({ position: snapshot?.position ?? { epoch, offset: top }, snapshot, isGap: true })
    return false
  }

  #startAfter(restart: Restart): void {
    this.#sequence.restart(restart.position)
    this.tools.onRestart(restart)
  }

  #tell(events: readonly StreamEvent[]): void {
    if (events.length > 0) this.tools.onEvents(events, this.place?.epoch ?? '')
  }
}

const isSame = (one: Position | undefined, other: Position | undefined): boolean =>
  one?.epoch === other?.epoch && one?.offset === other?.offset
