import { tallyWindowMs } from '../../kernel/tally'
import { type Clock } from '../../kernel/world/clock'

/** Window ends are rounded up to this grid, so that many busy targets share a transaction. */
const gridMs = 25

/** The window per target in which it is not updated again. */
export class Windows {
  private readonly ends = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  isOver(target: string): boolean {
    const now = this.clock.now()
    const end = this.ends.get(target) ?? now
    // A clock set back must not extend a window.
    return end <= now || end > now + 2 * tallyWindowMs
  }

  begin(target: string): void {
    this.ends.set(target, Math.ceil((this.clock.now() + tallyWindowMs) / gridMs) * gridMs)
  }

  /** Milliseconds until the first of these targets may be updated. */
  untilNextMs(targets: readonly string[]): number {
    const now = this.clock.now()
    const remaining = targets.map(target => (this.isOver(target) ? 0 : (this.ends.get(target) ?? now) - now))
    return Math.min(...remaining, tallyWindowMs)
  }

  forgetOver(): void {
    for (const target of this.ends.keys()) if (this.isOver(target)) this.ends.delete(target)
  }
}
