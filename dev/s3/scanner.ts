/** Reads a byte stream by lines, counts and delimiters, keeping no more than the piece at hand in memory. */
export class Scanner {
  readonly #source: AsyncIterator<unknown>
  #held = Buffer.alloc(0)

  constructor(source: AsyncIterable<unknown>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The bytes up to CRLF, as latin1 text; undefined when the stream ends or the line is longer than allowed. */
  async line(bytesMax: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf('\r\n')
      if (end > bytesMax || (end === -1 && this.#held.length > bytesMax + 1)) return undefined
      if (end !== -1) {
        const line = this.#held.toString('latin1', 0, end)
        this.#held = this.#held.subarray(end + 2)
        return line
      }
      if (!(await this.#fill())) return undefined
    }
  }

  /** Exactly so many bytes, in pieces; returns false when the stream ended before. */
  async *take(count: number): AsyncGenerator<Buffer, boolean> {
    let left = count
    while (left > 0) {
      if (this.#held.length === 0 && !(await this.#fill())) return false
      const piece = this.#held.subarray(0, left)
      this.#held = this.#held.subarray(piece.length)
      left -= piece.length
      yield piece
    }
    return true
  }

  /** All bytes before the delimiter, which is consumed; returns false when the stream ended without it. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer, boolean> {
    for (;;) {
      const end = this.#held.indexOf(delimiter)
      // The last bytes may be the beginning of a delimiter that the next chunk completes.
      const sure = end === -1 ? Math.max(0, this.#held.length - delimiter.length + 1) : end
      const piece = this.#held.subarray(0, sure)
      this.#held = this.#held.subarray(end === -1 ? sure : end + delimiter.length)
      if (piece.length > 0) yield piece
      if (end !== -1) return true
      if (!(await this.#fill())) return false
    }
  }

  /** Lets the rest of the stream go by. */
  async drain(): Promise<void> {
    do this.#held = Buffer.alloc(0)
    while (await this.#fill())
  }

  async #fill(): Promise<boolean> {
    const next = await this.#source.next()
    if (next.done === true) return false
    if (!(next.value instanceof Uint8Array)) throw new TypeError('a byte stream gave something else than bytes')
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value])
    return true
  }
}
