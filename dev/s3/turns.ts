/** Lets one at a time through per name, in the order of asking. */
export class Turns {
  readonly #tails = new Map<string, Promise<unknown>>()

  get idle(): boolean {
    return this.#tails.size === 0
  }

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve()
    const mine = before.then(work, work)
    this.#tails.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(name) === mine) this.#tails.delete(name)
    }
  }
}
