import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Checksum } from './checksums'
import { type Description } from './description'
import { S3Error } from './errors'
import { type Piece, type Pieces } from './pieces'
import { hasProperties, readRecords, writeRecord } from './records'
import { KeyedMutex } from './keyed-mutex'

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
  /** Set if the object was uploaded in parts. */
  parts?: { number: number; size: number; checksum?: string }[]
}

/** Throws to refuse a write, given the current object of the key. */
export type Precondition = (current: StoredObject | undefined) => void

/**
 * The objects of one bucket: an index in memory and a JSON file per object on disk (named by the key's hash, because a key may
 * be any text). Renaming that file commits a change; writers of one key run one at a time.
 */
export class Objects {
  readonly mutex = new KeyedMutex()
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
      pieces.retain(object.pieces)
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

  get(key: string): StoredObject {
    const object = this.#byKey.get(key)
    if (!object) throw new S3Error('NoSuchKey', undefined, { Key: key })
    return object
  }

  /** All keys, sorted by their UTF-8 bytes as in S3. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#byKey.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return this.#sorted
  }

  /** Stores the object if the precondition holds; on success it takes over the caller's references to its pieces. */
  async commit(object: StoredObject, precondition: Precondition): Promise<void> {
    await this.mutex.runExclusive(object.key, async () => {
      precondition(this.#byKey.get(object.key))
      await writeRecord(this.#pathOf(object.key), object)
      const before = this.#byKey.get(object.key)
      this.#byKey.set(object.key, object)
      if (before) this.#pieces.release(before.pieces)
      else this.#sorted = undefined
    })
  }

  /** Changes an object's metadata, not its bytes. */
  async updateDescription(key: string, change: (description: Description) => Description): Promise<void> {
    await this.mutex.runExclusive(key, async () => {
      const before = this.get(key)
      const after = { ...before, description: change(before.description) }
      await writeRecord(this.#pathOf(key), after)
      this.#byKey.set(key, after)
    })
  }

  async remove(key: string, precondition: Precondition): Promise<void> {
    await this.mutex.runExclusive(key, async () => {
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
  return hasProperties(value, ['key', 'pieces', 'size', 'etag', 'modifiedAt', 'description', 'checksum'])
}
