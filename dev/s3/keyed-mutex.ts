/** A mutex per name: runs the work of one name one at a time, in the order of the calls. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>()

  get isIdle(): boolean {
    return this.#tails.size === 0
  }

  async runExclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(name) ?? Promise.resolve()
    const current = previous.then(work, work)
    this.#tails.set(name, current)
    try {
      return await current
    } finally {
      if (this.#tails.get(name) === current) this.#tails.delete(name)
    }
  }
}
