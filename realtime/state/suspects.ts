import { type Clock } from '../../kernel/world/clock'

const firstPauseMs = 1_000
const pauseMsMax = 60_000

/**
 * Targets that could not be settled. They are left alone for a while, longer each time, and then tried by themselves, so that
 * one which cannot be settled does not hold up the rest.
 */
export class Suspects {
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

  isLeftAlone(target: string): boolean {
    const found = this.known.get(target)
    if (found === undefined) return false
    const sinceMs = this.clock.now() - found.at
    // A clock that was set back must not make the pause longer.
    return sinceMs >= 0 && sinceMs < Math.min(firstPauseMs * 2 ** (found.failures - 1), pauseMsMax)
  }
}
