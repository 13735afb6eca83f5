export interface WakeUp {
  notify(): void
  /** Resolves when notified, at once if notified since the last wait, and after `ms` at the latest. */
  wait(ms: number): Promise<void>
}

/** A resettable signal that wakes a waiting loop. A notification while the loop works is kept: the next wait returns at once. */
export function createWakeUp(): WakeUp {
  let isNotified = false
  let wake: () => void = () => undefined
  return {
    notify() {
      isNotified = true
      wake()
    },
    async wait(ms) {
      if (!isNotified)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      wake = () => undefined
      isNotified = false
    },
  }
}
