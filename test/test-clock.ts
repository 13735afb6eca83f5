import { type Clock } from '../kernel/platform/clock'

/** A clock with real time that tests can advance or freeze. */
export interface TestClock extends Clock {
  advance(ms: number): void
  /** Freezes the time, except for `advance`, until disposed. */
  freeze(): Disposable
}

export function createTestClock(): TestClock {
  let offsetMs = 0
  let frozenAt: number | undefined
  return {
    now: () => (frozenAt ?? Date.now()) + offsetMs,
    advance(ms) {
      offsetMs += ms
    },
    freeze() {
      frozenAt = Date.now()
      return { [Symbol.dispose]: () => (frozenAt = undefined) }
    },
  }
}
