import { tallyWindowMs } from '../../kernel/tally'
import { type Clock } from '../../kernel/world/clock'

/** Windows end together, so that many targets that change all the time are settled in a few transactions. */
const gridMs = 25

/** Which targets were settled a moment ago and must wait until their window ends. */
export class Windows {
  private readonly ends = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  isOver(target: string): boolean {
    const now = this.clock.now()
    const end = this.ends.get(target) ?? now
    // A clock that was set back must not make a window longer.
    return end <= now || end > now + 2 * tallyWindowMs
  }

  begin(target: string): void {
    this.ends.set(target, Math.ceil((this.clock.now() + tallyWindowMs) / gridMs) * gridMs)
  }

  /** How long until the first of these may be settled. */
  untilNextMs(targets: readonly string[]): number {
    const now = this.clock.now()
    const lefts = targets.map(target => (this.isOver(target) ? 0 : (this.ends.get(target) ?? now) - now))
    return Math.min(...lefts, tallyWindowMs)
  }

  forgetOver(): void {
    for (const target of this.ends.keys()) if (this.isOver(target)) this.ends.delete(target)
  }
}
