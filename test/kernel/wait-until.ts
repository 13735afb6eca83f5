import { setTimeout as pause } from 'node:timers/promises'

const timeoutMs = 15_000
/** The pause between two looks: a tenth of the time waited so far, so that a long wait does not keep the services busy. */
const pauseMs = { min: 10, max: 100 }

/** Waits until the condition is true; throws after 15 s. */
export async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await condition())) {
    const waitedMs = performance.now() - startedAt
    if (waitedMs > timeoutMs) throw new Error(`timed out waiting until ${condition.toString()}`)
    await pause(Math.min(Math.max(waitedMs / 10, pauseMs.min), pauseMs.max))
  }
}
