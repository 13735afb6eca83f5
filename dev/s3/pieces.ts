import { randomUUID } from 'node:crypto'
import { createReadStream, rmSync } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** An immutable run of bytes in one file; an object is one piece, or as many as its multipart upload had parts. */
export interface Piece {
  file: string
  size: number
}

/**
 * The bytes of all objects. A piece lives while somebody holds it: an object, an upload, a reader. So a copy costs
 * nothing, and who reads an object that is replaced meanwhile reads it to its end.
 */
export class Pieces {
  readonly #folder: string
  readonly #holds = new Map<string, number>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<Pieces> {
    await mkdir(folder, { recursive: true })
    return new Pieces(folder)
  }

  /** Streams to disk; the caller holds the result once. Leaves nothing behind when the source fails. */
  async write(source: AsyncIterable<Uint8Array>): Promise<Piece> {
    const file = randomUUID()
    const path = join(this.#folder, file)
    // Opened before the first byte is asked for: a source that fails at once would be cleaned up after before the file is there.
    const target = (await open(path, 'wx')).createWriteStream()
    try {
      await pipeline(source, target)
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
    this.hold([{ file }])
    return { file, size: target.bytesWritten }
  }

  hold(pieces: readonly Pick<Piece, 'file'>[]) {
    for (const { file } of pieces) this.#holds.set(file, (this.#holds.get(file) ?? 0) + 1)
  }

  release(pieces: readonly Pick<Piece, 'file'>[]) {
    for (const { file } of pieces) {
      const holds = (this.#holds.get(file) ?? 0) - 1
      if (holds > 0) this.#holds.set(file, holds)
      else {
        this.#holds.delete(file)
        this.#remove(file)
      }
    }
  }

  /** The bytes from `start` up to, not including, `end`; held until the stream closes. */
  read(pieces: readonly Piece[], start: number, end: number): Readable {
    this.hold(pieces)
    const stream = Readable.from(this.#bytes(pieces, start, end), { objectMode: false })
    return stream.once('close', () => this.release(pieces))
  }

  /** Removes what nobody holds: the debris of a process that ended in the middle of an upload. */
  async sweep(): Promise<void> {
    for (const file of await readdir(this.#folder)) if (!this.#holds.has(file)) this.#remove(file)
  }

  async *#bytes(pieces: readonly Piece[], start: number, end: number): AsyncGenerator<Uint8Array> {
    let offset = 0
    for (const { file, size } of pieces) {
      const from = Math.max(start - offset, 0)
      const to = Math.min(end - offset, size)
      offset += size
      if (from >= to) continue
      const path = join(this.#folder, file)
      for await (const chunk of createReadStream(path, { start: from, end: to - 1, highWaterMark: 256 * 1024 })) {
        if (chunk instanceof Uint8Array) yield chunk
      }
    }
  }

  #remove(file: string) {
    try {
      rmSync(join(this.#folder, file), { force: true })
    } catch (error) {
      console.warn(`S3 stand-in: ${file} stays until the next start`, error)
    }
  }
}
