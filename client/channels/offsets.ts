import { type Position } from './frames'

/** Stores the last delivered position of each channel, for example in localStorage or IndexedDB. */
export interface OffsetStore {
  get(channel: string): Position | null | undefined | Promise<Position | null | undefined>
  set(channel: string, position: Position): unknown
}

/** Delay after the first event; later events until then share the write. */
const writeDelayMs = 250

/** Writes positions to the store with a delay, so that a burst of events costs one write. */
export class Offsets {
  readonly #dirty = new Map<string, () => Position | undefined>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly store: OffsetStore | undefined,
    private readonly onError: (error: unknown, channel: string) => void,
  ) {}

  async get(channel: string): Promise<Position | undefined> {
    try {
      return (await this.store?.get(channel)) ?? undefined
    } catch (error) {
      this.onError(error, channel)
      return undefined
    }
  }

  /** Schedules a write; reads the position when it is written. */
  schedule(channel: string, position: () => Position | undefined): void {
    if (this.store === undefined) return
    this.#dirty.set(channel, position)
    this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs)
  }

  /** Writes all pending positions. Resolves when they are stored. */
  flush(): Promise<unknown> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Start all writes synchronously: a page that unloads gives no time for later.
    const writes = [...this.#dirty].map(([channel, position]) => this.#put(channel, position()))
    this.#dirty.clear()
    this.#writing = Promise.all([this.#writing, ...writes])
    return this.#writing
  }

  async #put(channel: string, position: Position | undefined): Promise<void> {
    try {
      if (position !== undefined) await this.store?.set(channel, position)
    } catch (error) {
      this.onError(error, channel)
    }
  }
}
