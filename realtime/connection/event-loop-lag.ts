const sampleEveryMs = 20
/** Samples of the last two seconds. */
const sampleCount = 100

export interface EventLoopLag extends Disposable {
  /** 99th percentile of the last two seconds, in milliseconds. A single pause, such as a garbage collection, does not count. */
  p99Ms(): number
}

/**
 * Measures event loop lag, the delay before any request or event is handled. Uses a timer instead of `monitorEventLoopDelay`: that
 * needs two histograms for overlapping windows, and each costs as much CPU as the rest of an idle node.
 */
export function monitorEventLoopLag(gauge?: { set(seconds: number): void }): EventLoopLag {
  const samples = new Float64Array(sampleCount)
  let taken = 0
  let lastAt = performance.now()

  /** The second largest of 100 samples. */
  function p99Ms(): number {
    let [largest, second] = [0, 0]
    for (const sample of samples)
      if (sample > largest) [largest, second] = [sample, largest]
      else if (sample > second) second = sample
    return second
  }

  function take(): void {
    const now = performance.now()
    samples[taken % sampleCount] = Math.max(now - lastAt - sampleEveryMs, 0)
    lastAt = now
    taken += 1
    if (taken % sampleCount === 0) gauge?.set(p99Ms() / 1_000)
  }

  const timer = setInterval(take, sampleEveryMs).unref()
  return {
    p99Ms,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
