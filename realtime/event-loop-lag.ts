const sampleEveryMs = 20
/** Of the last two seconds. */
const sampleCount = 100

export interface EventLoopLag extends Disposable {
  /** Milliseconds, 99th percentile of the last two seconds. A single pause, such as a collection of garbage, is not in it. */
  p99Ms(): number
}

/**
 * How late the event loop is: what every request and every event has to wait before anything is done for it. A timer of our
 * own: `monitorEventLoopDelay` needs two for windows that overlap, and each costs an idle node as much as all the rest.
 */
export function watchEventLoopLag(gauge?: { set(seconds: number): void }): EventLoopLag {
  const samples = new Float64Array(sampleCount)
  let taken = 0
  let lastAt = performance.now()

  /** One of a hundred may be larger. */
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
