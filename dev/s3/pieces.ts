import { randomUUID } from 'node:crypto'
import { createReadStream, rmSync } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** An immutable file with the bytes of an object, or of one part if the object was uploaded in parts. */
export interface Piece {
  file: string
  size: number
}

/**
 * The bytes of all objects, with a reference count per piece: objects, uploads and readers hold references. So a copy needs no
 * disk space, and a reader of an object that is replaced meanwhile reads it completely.
 */
export class Pieces {
  readonly #folder: string
  readonly #referenceCounts = new Map<string, number>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<Pieces> {
    await mkdir(folder, { recursive: true })
    return new Pieces(folder)
  }

  /** Streams to disk and returns a piece with one reference, the caller's. Removes the file if the source fails. */
  async write(source: AsyncIterable<Uint8Array>): Promise<Piece> {
    const file = randomUUID()
    const path = join(this.#folder, file)
    // Open the file before reading: if the source fails at once, the clean-up would otherwise run before the file exists.
    const target = (await open(path, 'wx')).createWriteStream()
    try {
      await pipeline(source, target)
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
    this.retain([{ file }])
    return { file, size: target.bytesWritten }
  }

  retain(pieces: readonly Pick<Piece, 'file'>[]) {
    for (const { file } of pieces) this.#referenceCounts.set(file, (this.#referenceCounts.get(file) ?? 0) + 1)
  }

  release(pieces: readonly Pick<Piece, 'file'>[]) {
    for (const { file } of pieces) {
      const count = (this.#referenceCounts.get(file) ?? 0) - 1
      if (count > 0) this.#referenceCounts.set(file, count)
      else {
        this.#referenceCounts.delete(file)
        this.#remove(file)
      }
    }
  }

  /** Streams the bytes from `start` to `end` (exclusive); holds references until the stream closes. */
  read(pieces: readonly Piece[], start: number, end: number): Readable {
    this.retain(pieces)
    const stream = Readable.from(this.#bytes(pieces, start, end), { objectMode: false })
    return stream.once('close', () => this.release(pieces))
  }

  /** Removes pieces without references, left by a process that exited during an upload. */
  async removeUnreferenced(): Promise<void> {
    for (const file of await readdir(this.#folder)) if (!this.#referenceCounts.has(file)) this.#remove(file)
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
      console.warn(`S3 stand-in: could not remove ${file}, retrying at the next start`, error)
    }
  }
}
