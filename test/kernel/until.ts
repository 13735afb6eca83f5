import { setTimeout as pause } from 'node:timers/promises'

const patienceMs = 15_000

/** Resolves once the condition holds, now or soon. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${holds.toString()}`)
    await pause(10)
  }
}
