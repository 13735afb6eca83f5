import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Checksum } from './checksums'
import { type Description } from './description'
import { Refusal } from './errors'
import { type Piece, type Pieces } from './pieces'
import { hasAll, readRecords, writeRecord } from './records'
import { Turns } from './turns'

export interface StoredObject {
  key: string
  pieces: Piece[]
  size: number
  /** Without quotes. */
  etag: string
  /** Epoch ms. */
  modifiedAt: number
  description: Description
  checksum: Checksum
  /** Present when the object came by multipart upload. */
  parts?: { number: number; size: number; checksum?: string }[]
}

/** Throws to refuse a write, given what the key holds at that moment. */
export type Precondition = (current: StoredObject | undefined) => void

/**
 * The objects of one bucket: an index in memory, a JSON file per object on disk (named by the key's hash, as keys may be
 * any text). The renaming of that file is the moment an object changes; writers of one key take turns.
 */
export class Objects {
  readonly turns = new Turns()
  readonly #folder: string
  readonly #pieces: Pieces
  readonly #byKey = new Map<string, StoredObject>()
  #sorted: string[] | undefined

  private constructor(folder: string, pieces: Pieces) {
    this.#folder = folder
    this.#pieces = pieces
  }

  static async open(folder: string, pieces: Pieces): Promise<Objects> {
    const objects = new Objects(folder, pieces)
    for (const object of await readRecords(folder, isStoredObject)) {
      pieces.hold(object.pieces)
      objects.#byKey.set(object.key, object)
    }
    return objects
  }

  get size(): number {
    return this.#byKey.size
  }

  find(key: string): StoredObject | undefined {
    return this.#byKey.get(key)
  }

  need(key: string): StoredObject {
    const object = this.#byKey.get(key)
    if (!object) throw new Refusal('NoSuchKey', undefined, { Key: key })
    return object
  }

  /** All keys in the order of their UTF-8 bytes, which is S3's. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#byKey.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return this.#sorted
  }

  /** Puts the object in place if the precondition holds; takes over the caller's hold on its pieces if it succeeds. */
  async commit(object: StoredObject, precondition: Precondition): Promise<void> {
    await this.turns.take(object.key, async () => {
      precondition(this.#byKey.get(object.key))
      await writeRecord(this.#pathOf(object.key), object)
      const before = this.#byKey.get(object.key)
      this.#byKey.set(object.key, object)
      if (before) this.#pieces.release(before.pieces)
      else this.#sorted = undefined
    })
  }

  /** Changes what is said about an object, not its bytes. */
  async describe(key: string, change: (description: Description) => Description): Promise<void> {
    await this.turns.take(key, async () => {
      const before = this.need(key)
      const after = { ...before, description: change(before.description) }
      await writeRecord(this.#pathOf(key), after)
      this.#byKey.set(key, after)
    })
  }

  async remove(key: string, precondition: Precondition): Promise<void> {
    await this.turns.take(key, async () => {
      const before = this.#byKey.get(key)
      precondition(before)
      if (!before) return
      await rm(this.#pathOf(key), { force: true })
      this.#byKey.delete(key)
      this.#sorted = undefined
      this.#pieces.release(before.pieces)
    })
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${createHash('sha256').update(key).digest('hex')}.json`)
  }
}

function isStoredObject(value: unknown): value is StoredObject {
  return hasAll(value, ['key', 'pieces', 'size', 'etag', 'modifiedAt', 'description', 'checksum'])
}
