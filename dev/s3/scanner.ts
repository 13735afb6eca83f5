/** Reads a byte stream by lines, counts and delimiters, with only the current chunk in memory. */
export class Scanner {
  readonly #source: AsyncIterator<unknown>
  #buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<unknown>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The bytes up to CRLF as latin1 text; undefined if the stream ends or the line is longer than `bytesMax`. */
  async readLine(bytesMax: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n')
      if (end > bytesMax || (end === -1 && this.#buffer.length > bytesMax + 1)) return undefined
      if (end !== -1) {
        const line = this.#buffer.toString('latin1', 0, end)
        this.#buffer = this.#buffer.subarray(end + 2)
        return line
      }
      if (!(await this.#fill())) return undefined
    }
  }

  /** Yields exactly `count` bytes in chunks; returns false if the stream ends before. */
  async *readBytes(count: number): AsyncGenerator<Buffer, boolean> {
    let remaining = count
    while (remaining > 0) {
      if (this.#buffer.length === 0 && !(await this.#fill())) return false
      const chunk = this.#buffer.subarray(0, remaining)
      this.#buffer = this.#buffer.subarray(chunk.length)
      remaining -= chunk.length
      yield chunk
    }
    return true
  }

  /** Yields all bytes before the delimiter and consumes it; returns false if the stream ends without it. */
  async *readUntil(delimiter: Buffer): AsyncGenerator<Buffer, boolean> {
    for (;;) {
      const end = this.#buffer.indexOf(delimiter)
      // The last bytes may be the start of a delimiter that continues in the next chunk.
      const safeLength = end === -1 ? Math.max(0, this.#buffer.length - delimiter.length + 1) : end
      const chunk = this.#buffer.subarray(0, safeLength)
      this.#buffer = this.#buffer.subarray(end === -1 ? safeLength : end + delimiter.length)
      if (chunk.length > 0) yield chunk
      if (end !== -1) return true
      if (!(await this.#fill())) return false
    }
  }

  /** Discards the rest of the stream. */
  async drain(): Promise<void> {
    do this.#buffer = Buffer.alloc(0)
    while (await this.#fill())
  }

  async #fill(): Promise<boolean> {
    const next = await this.#source.next()
    if (next.done === true) return false
    if (!(next.value instanceof Uint8Array)) throw new TypeError('the byte stream contains something other than bytes')
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#buffer, next.value])
    return true
  }
}
