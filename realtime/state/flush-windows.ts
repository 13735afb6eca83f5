import { counterWindowMs } from '../../kernel/events/counter'
import { type Clock } from '../../kernel/platform/clock'

/** Window ends are rounded up to this grid, so that many busy targets share a transaction. */
const gridMs = 25

/** The window per target in which it is not updated again. */
export class FlushWindows {
  private readonly ends = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  hasEnded(target: string): boolean {
    const now = this.clock.now()
    const end = this.ends.get(target) ?? now
    // A clock set back must not extend a window.
    return end <= now || end > now + 2 * counterWindowMs
  }

  begin(target: string): void {
    this.ends.set(target, Math.ceil((this.clock.now() + counterWindowMs) / gridMs) * gridMs)
  }

  /** Milliseconds until the first of these targets may be updated. */
  untilNextMs(targets: readonly string[]): number {
    const now = this.clock.now()
    const remaining = targets.map(target => (this.hasEnded(target) ? 0 : (this.ends.get(target) ?? now) - now))
    return Math.min(...remaining, counterWindowMs)
  }

  deleteEnded(): void {
    for (const target of this.ends.keys()) if (this.hasEnded(target)) this.ends.delete(target)
  }
}
