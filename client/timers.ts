/** Things to do later, all of which can be called off at once. */
export class Timers {
  readonly #running = new Set<ReturnType<typeof setTimeout>>()

  /** Answers how to call it off. */
  start(ms: number, what: () => void): () => void {
    const timer = setTimeout(() => {
      this.#running.delete(timer)
      what()
    }, ms)
    this.#running.add(timer)
    return () => {
      clearTimeout(timer)
      this.#running.delete(timer)
    }
  }

  /** Never resolves once called off. */
  pause(ms: number): Promise<void> {
    return new Promise(resolve => this.start(ms, resolve))
  }

  callOff(): void {
    for (const timer of this.#running) clearTimeout(timer)
    this.#running.clear()
  }
}
