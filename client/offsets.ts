import { type Position } from './stream'

/** Where an application keeps how far it has been told, such as in localStorage or a database of its own. */
export interface OffsetStore {
  get(channel: string): Position | null | undefined | Promise<Position | null | undefined>
  set(channel: string, position: Position): unknown
}

/** After the first event; what comes in between is stored with it. */
const storeAfterMs = 250

/** Stores places a little later, so that a burst of events costs one write. */
export class Offsets {
  readonly #unstored = new Map<string, () => Position | undefined>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #storing: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly store: OffsetStore | undefined,
    private readonly onFailed: (error: unknown, channel: string) => void,
  ) {}

  async get(channel: string): Promise<Position | undefined> {
    try {
      return (await this.store?.get(channel)) ?? undefined
    } catch (error) {
      this.onFailed(error, channel)
      return undefined
    }
  }

  /** The place is asked for when it is stored. */
  touch(channel: string, place: () => Position | undefined): void {
    if (this.store === undefined) return
    this.#unstored.set(channel, place)
    this.#timer ??= setTimeout(() => void this.flush(), storeAfterMs)
  }

  /** Stores, one after the other. Resolves when all is stored. */
  flush(): Promise<unknown> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Begun at once: a page that goes away gives no time for later.
    const begun = [...this.#unstored].map(([channel, place]) => this.#put(channel, place()))
    this.#unstored.clear()
    this.#storing = Promise.all([this.#storing, ...begun])
    return this.#storing
  }

  async #put(channel: string, place: Position | undefined): Promise<void> {
    try {
      if (place !== undefined) await this.store?.set(channel, place)
    } catch (error) {
      this.onFailed(error, channel)
    }
  }
}
