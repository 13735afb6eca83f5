import { readFileSync } from 'node:fs'

/**
 * The maximum CPU time in ms that this thread spent in one event loop iteration while `work` ran. CPU time, because wall time
 * depends on the load of the machine. Always 0 on systems other than Linux.
 */
export async function longestLoopIterationMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = cpuTimeNs()
  const timer = setInterval(() => {
    const now = cpuTimeNs()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return Math.max(longest, cpuTimeNs() - last) / 1e6
}

/** CPU time of this thread in ns: the first number of schedstat. */
function cpuTimeNs(): number {
  if (process.platform !== 'linux') return 0
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0])
}
