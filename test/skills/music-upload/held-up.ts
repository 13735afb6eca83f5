import { readFileSync } from 'node:fs'

/**
 * The most CPU time, in milliseconds, that this thread needed for one turn of its event loop while `work` went on. Time of
 * the wall says nothing on a machine that does other things too. Linux alone tells; elsewhere it is 0.
 */
export async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = usedNs()
  const timer = setInterval(() => {
    const now = usedNs()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return Math.max(longest, usedNs() - last) / 1e6
}

/** On a core, by this thread alone: the first number that the scheduler tells. */
function usedNs(): number {
  if (process.platform !== 'linux') return 0
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0])
}
