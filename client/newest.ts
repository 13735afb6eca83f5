import { type Values } from './stream'

/** Keeps of each value the one with the highest `rev`. */
export class Newest {
  #values: Values = {}

  get all(): Values | undefined {
    return Object.keys(this.#values).length > 0 ? { ...this.#values } : undefined
  }

  /** What of it is new here. */
  take(values: Values): Values | undefined {
    const newer = Object.entries(values).filter(([name, { rev }]) => rev > (this.#values[name]?.rev ?? -1))
    if (newer.length === 0) return undefined
    const taken = Object.fromEntries(newer)
    this.#values = { ...this.#values, ...taken }
    return taken
  }

  /** Revisions of another epoch mean nothing. */
  forget(): void {
    this.#values = {}
  }
}
