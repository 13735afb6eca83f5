export interface Bell {
  ring(): void
  /** Resolves when it rings, at once if it rang since the last wait, and after `ms` at the latest. */
  wait(ms: number): Promise<void>
}

/** Wakes a loop that rests. A ring while the loop works is not lost: the next rest is cut short. */
export function createBell(): Bell {
  let rung = false
  let wake: () => void = () => undefined
  return {
    ring() {
      rung = true
      wake()
    },
    async wait(ms) {
      if (!rung)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      wake = () => undefined
      rung = false
    },
  }
}
