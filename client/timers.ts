/** A set of timers that can be canceled together. */
export class Timers {
  readonly #running = new Set<ReturnType<typeof setTimeout>>()

  /** Returns a function that cancels the timer. */
  start(ms: number, callback: () => void): () => void {
    const timer = setTimeout(() => {
      this.#running.delete(timer)
      callback()
    }, ms)
    this.#running.add(timer)
    return () => {
      clearTimeout(timer)
      this.#running.delete(timer)
    }
  }

  /** Never resolves after `cancelAll`. */
  pause(ms: number): Promise<void> {
    return new Promise(resolve => this.start(ms, resolve))
  }

  cancelAll(): void {
    for (const timer of this.#running) clearTimeout(timer)
    this.#running.clear()
  }
}
