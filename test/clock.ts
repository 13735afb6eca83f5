import { type Clock } from '../kernel/world/clock'

/** Real time, which tests put forward or stop. */
export interface TestClock extends Clock {
  advance(ms: number): void
  /** Time stands still but for `advance`, until this is disposed of. */
  hold(): Disposable
}

export function testClock(): TestClock {
  let aheadMs = 0
  let heldAt: number | undefined
  return {
    now: () => (heldAt ?? Date.now()) + aheadMs,
    advance(ms) {
      aheadMs += ms
    },
    hold() {
      heldAt = Date.now()
      return { [Symbol.dispose]: () => (heldAt = undefined) }
    },
  }
}
