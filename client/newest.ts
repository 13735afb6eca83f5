import { type Values } from './stream'

/** Keeps the value with the highest `rev` of each name. */
export class Newest {
  #values: Values = {}

  get all(): Values | undefined {
    return Object.keys(this.#values).length > 0 ? { ...this.#values } : undefined
  }

  /** Takes values and returns those that are newer than the known ones; undefined when none is. */
  take(values: Values): Values | undefined {
    const newer = Object.entries(values).filter(([name, { rev }]) => rev > (this.#values[name]?.rev ?? -1))
    if (newer.length === 0) return undefined
    const taken = Object.fromEntries(newer)
    this.#values = { ...this.#values, ...taken }
    return taken
  }

  /** Drops all values: revisions of different epochs cannot be compared. */
  forget(): void {
    this.#values = {}
  }
}
