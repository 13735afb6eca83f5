import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Algorithm, type Checksum } from './checksums'
import { type Description } from './description'
import { S3Error } from './errors'
import { type Piece, type Pieces } from './pieces'
import { hasProperties, readRecord, readRecords, writeRecord } from './records'
import { KeyedMutex } from './keyed-mutex'

export interface UploadRecord {
  id: string
  key: string
  /** Epoch ms. */
  startedAt: number
  description: Description
  algorithm: Algorithm
  checksumType: Checksum['type']
  /** Whether the client chose the algorithm; if so, a part's checksum must use it. */
  isAlgorithmChosen: boolean
}

export interface Part {
  number: number
  piece: Piece
  md5: string
  /** Base64, of the upload's algorithm. */
  checksum: string
  /** Epoch ms. */
  modifiedAt: number
}

export interface Upload extends UploadRecord {
  parts: Map<number, Part>
}

/** The multipart uploads in progress of one bucket, each in a folder: `upload.json` and a JSON file per part. */
export class Uploads {
  readonly mutex = new KeyedMutex()
  readonly #folder: string
  readonly #pieces: Pieces
  readonly #byId = new Map<string, Upload>()

  private constructor(folder: string, pieces: Pieces) {
    this.#folder = folder
    this.#pieces = pieces
  }

  static async open(folder: string, pieces: Pieces): Promise<Uploads> {
    const uploads = new Uploads(folder, pieces)
    for (const id of await readdir(folder)) {
      const uploadFolder = join(folder, id)
      const record = await readRecord(join(uploadFolder, 'upload.json'), isUploadRecord).catch(() => undefined)
      // A folder without a record was left by a process that exited while it created or removed the upload.
      if (!record) {
        await rm(uploadFolder, { recursive: true })
        continue
      }
      const parts = await readRecords(join(uploadFolder, 'parts'), isPart)
      pieces.retain(parts.map(part => part.piece))
      uploads.#byId.set(id, { ...record, parts: new Map(parts.map(part => [part.number, part])) })
    }
    return uploads
  }

  all(): Upload[] {
    return [...this.#byId.values()]
  }

  get(id: string, key: string): Upload {
    const upload = this.#byId.get(id)
    if (upload?.key !== key) throw new S3Error('NoSuchUpload', undefined, { UploadId: id })
    return upload
  }

  async start(record: Omit<UploadRecord, 'id'>): Promise<Upload> {
    const upload = { ...record, id: randomUUID() }
    await mkdir(join(this.#folder, upload.id, 'parts'), { recursive: true })
    await writeRecord(join(this.#folder, upload.id, 'upload.json'), upload)
    const started = { ...upload, parts: new Map<number, Part>() }
    this.#byId.set(upload.id, started)
    return started
  }

  /** On success it takes over the caller's reference to the part's piece. */
  async addPart(id: string, key: string, part: Part): Promise<void> {
    await this.mutex.runExclusive(id, async () => {
      const { parts } = this.get(id, key)
      await writeRecord(join(this.#folder, id, 'parts', `${part.number}.json`), part)
      const before = parts.get(part.number)
      parts.set(part.number, part)
      if (before) this.#pieces.release([before.piece])
    })
  }

  /** Removes the upload and releases its parts. The caller holds the upload's lock, or deletes the bucket. */
  async remove(upload: Upload): Promise<void> {
    this.#byId.delete(upload.id)
    this.#pieces.release([...upload.parts.values()].map(part => part.piece))
    await rm(join(this.#folder, upload.id), { recursive: true, force: true })
  }

  async abort(id: string, key: string): Promise<void> {
    await this.mutex.runExclusive(id, () => this.remove(this.get(id, key)))
  }
}

function isUploadRecord(value: unknown): value is UploadRecord {
  return hasProperties(value, [
    'id',
    'key',
    'startedAt',
    'description',
    'algorithm',
    'checksumType',
    'isAlgorithmChosen',
  ])
}

function isPart(value: unknown): value is Part {
  return hasProperties(value, ['number', 'piece', 'md5', 'checksum', 'modifiedAt'])
}
