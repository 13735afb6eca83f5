import { type Clock } from '../kernel/world/clock'

/** A clock with real time that tests can advance or freeze. */
export interface TestClock extends Clock {
  advance(ms: number): void
  /** Freezes the time, except for `advance`, until disposed. */
  hold(): Disposable
}

export function testClock(): TestClock {
  let offsetMs = 0
  let frozenAt: number | undefined
  return {
    now: () => (frozenAt ?? Date.now()) + offsetMs,
    advance(ms) {
      offsetMs += ms
    },
    hold() {
      frozenAt = Date.now()
      return { [Symbol.dispose]: () => (frozenAt = undefined) }
    },
  }
}
