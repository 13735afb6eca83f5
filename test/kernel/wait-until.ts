import { setTimeout as pause } from 'node:timers/promises'

const timeoutMs = 15_000

/** Waits until the condition is true; throws after 15 s. */
export async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${condition.toString()}`)
    await pause(10)
  }
}
