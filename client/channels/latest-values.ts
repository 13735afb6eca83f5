import { type StateValues } from './frames'

/** Keeps the value with the highest `rev` of each name. */
export class LatestValues {
  #values: StateValues = {}

  get all(): StateValues | undefined {
    return Object.keys(this.#values).length > 0 ? { ...this.#values } : undefined
  }

  /** Takes values and returns those that are newer than the known ones; undefined when none is. */
  update(values: StateValues): StateValues | undefined {
    const newer = Object.entries(values).filter(([name, { rev }]) => rev > (this.#values[name]?.rev ?? -1))
    if (newer.length === 0) return undefined
    const taken = Object.fromEntries(newer)
    this.#values = { ...this.#values, ...taken }
    return taken
  }

  /** Drops all values: revisions of different epochs cannot be compared. */
  clear(): void {
    this.#values = {}
  }
}
