import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Two windows that overlap by half: the answer is never about less than one second, nor about more than two. */
const halfWindowMs = 1_000
const resolutionMs = 20

export interface EventLoopLag extends Disposable {
  /** Milliseconds, 99th percentile of the last one to two seconds. A single pause, such as a collection of garbage, is not in it. */
  p99Ms(): number
}

/** How late the event loop is: what every request and every event has to wait before anything is done for it. */
export function watchEventLoopLag(gauge?: { set(seconds: number): void }): EventLoopLag {
  const [older, newer] = [
    monitorEventLoopDelay({ resolution: resolutionMs }),
    monitorEventLoopDelay({ resolution: resolutionMs }),
  ]
  let windows = [older, newer] as const
  for (const window of windows) window.enable()
  // The histogram holds the whole time between two ticks, of which one resolution was meant.
  const p99Ms = () => Math.max(windows[0].percentile(99) / 1e6 - resolutionMs, 0)
  const turn = setInterval(() => {
    gauge?.set(p99Ms() / 1_000)
    const [spent, current] = windows
    spent.reset()
    windows = [current, spent]
  }, halfWindowMs).unref()
  return {
    p99Ms,
    [Symbol.dispose]() {
      clearInterval(turn)
      for (const window of windows) window.disable()
    },
  }
}
