import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Error } from './errors'
import { Objects } from './objects'
import { type Pieces } from './pieces'
import { hasProperties, readRecord, writeRecord } from './records'
import { KeyedMutex } from './keyed-mutex'
import { Uploads } from './uploads'

interface BucketRecord {
  name: string
  /** Epoch ms. */
  createdAt: number
  /** XML as the client sent it, validated before it is stored. */
  cors?: string | undefined
  lifecycle?: string | undefined
}

export interface Bucket {
  record: BucketRecord
  objects: Objects
  uploads: Uploads
}

/** All buckets; each has its own folder below `folder`. */
export class Buckets {
  readonly #folder: string
  readonly #pieces: Pieces
  readonly #byName = new Map<string, Bucket>()
  readonly #mutex = new KeyedMutex()

  private constructor(folder: string, pieces: Pieces) {
    this.#folder = folder
    this.#pieces = pieces
  }

  static async open(folder: string, pieces: Pieces): Promise<Buckets> {
    const buckets = new Buckets(folder, pieces)
    await mkdir(folder, { recursive: true })
    for (const name of await readdir(folder)) {
      // `bucket.json` is written last and removed first, so a folder without it is an interrupted creation or deletion.
      const path = buckets.#pathOf(name)
      if (existsSync(path)) buckets.#byName.set(name, await buckets.#load(await readRecord(path, isBucketRecord)))
    }
    return buckets
  }

  all(): Bucket[] {
    return [...this.#byName.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  find(name: string): Bucket | undefined {
    return this.#byName.get(name)
  }

  get(name: string): Bucket {
    const bucket = this.#byName.get(name)
    if (!bucket) throw new S3Error('NoSuchBucket', undefined, { BucketName: name })
    return bucket
  }

  async create(name: string, now: number): Promise<void> {
    if (!/^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z\d][a-z\d.-]{1,61}[a-z\d]$/.test(name)) {
      throw new S3Error('InvalidBucketName', undefined, { BucketName: name })
    }
    await this.#mutex.runExclusive(name, async () => {
      if (this.#byName.has(name)) throw new S3Error('BucketAlreadyOwnedByYou', undefined, { BucketName: name })
      const record = { name, createdAt: now }
      for (const subfolder of ['objects', 'uploads'])
        await mkdir(join(this.#folder, name, subfolder), { recursive: true })
      await writeRecord(this.#pathOf(name), record)
      this.#byName.set(name, await this.#load(record))
    })
  }

  async updateRecord(bucket: Bucket, change: (record: BucketRecord) => BucketRecord): Promise<void> {
    const { name } = bucket.record
    await this.#mutex.runExclusive(name, async () => {
      if (this.get(name) !== bucket) throw new S3Error('OperationAborted')
      const record = change(bucket.record)
      await writeRecord(this.#pathOf(name), record)
      bucket.record = record
    })
  }

  async delete(bucket: Bucket): Promise<void> {
    const { name } = bucket.record
    await this.#mutex.runExclusive(name, async () => {
      if (this.get(name) !== bucket) throw new S3Error('OperationAborted')
      if (bucket.objects.size > 0) throw new S3Error('BucketNotEmpty', undefined, { BucketName: name })
      if (!bucket.objects.mutex.isIdle || !bucket.uploads.mutex.isIdle) throw new S3Error('OperationAborted')
      this.#byName.delete(name)
      for (const upload of bucket.uploads.all()) await bucket.uploads.remove(upload)
      await rm(this.#pathOf(name))
      await rm(join(this.#folder, name), { recursive: true })
    })
  }

  /** Throws NoSuchBucket if the bucket was deleted during the request. */
  assertExists(bucket: Bucket) {
    if (this.#byName.get(bucket.record.name) !== bucket) throw new S3Error('NoSuchBucket')
  }

  #pathOf(name: string): string {
    return join(this.#folder, name, 'bucket.json')
  }

  async #load(record: BucketRecord): Promise<Bucket> {
    const folder = join(this.#folder, record.name)
    return {
      record,
      objects: await Objects.open(join(folder, 'objects'), this.#pieces),
      uploads: await Uploads.open(join(folder, 'uploads'), this.#pieces),
    }
  }
}

function isBucketRecord(value: unknown): value is BucketRecord {
  return hasProperties(value, ['name', 'createdAt'])
}
