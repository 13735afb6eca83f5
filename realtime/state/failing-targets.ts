import { type Clock } from '../../kernel/platform/clock'

const firstPauseMs = 1_000
const pauseMsMax = 60_000

/**
 * Targets whose changes could not be applied. They are retried one by one with an exponential back-off, so that a failing target does
 * not block the others.
 */
export class FailingTargets {
  private readonly known = new Map<string, { failures: number; at: number }>()

  constructor(private readonly clock: Clock) {}

  has(target: string): boolean {
    return this.known.has(target)
  }

  add(target: string): void {
    this.known.set(target, { failures: (this.known.get(target)?.failures ?? 0) + 1, at: this.clock.now() })
  }

  clear(target: string): void {
    this.known.delete(target)
  }

  isBackingOff(target: string): boolean {
    const found = this.known.get(target)
    if (found === undefined) return false
    const sinceMs = this.clock.now() - found.at
    // A clock set back must not extend the back-off.
    return sinceMs >= 0 && sinceMs < Math.min(firstPauseMs * 2 ** (found.failures - 1), pauseMsMax)
  }
}
