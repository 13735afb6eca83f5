import { type Body } from './body'
import { type Bucket } from './buckets'
import { type Algorithm, type Checksum, checksumHeader, defaultAlgorithm } from './checksums'
import { type Description } from './description'
import { S3Error } from './errors'
import { type Precondition, type StoredObject } from './objects'
import { type Piece } from './pieces'
import { type State } from './state'

/** Streams a body to disk and stores it as one object, atomically. */
export async function storeObject(
  state: State,
  bucket: Bucket,
  upload: { key: string; description: Description; body: Body; precondition: Precondition },
): Promise<StoredObject> {
  checkKey(upload.key)
  upload.precondition(bucket.objects.find(upload.key))
  const piece = await state.pieces.write(upload.body.bytes)
  const { md5, checksums, size } = upload.body.digests()
  const object = {
    key: upload.key,
    pieces: [piece],
    size,
    etag: md5.toString('hex'),
    modifiedAt: state.now(),
    description: upload.description,
    checksum: fullChecksum(upload.body.algorithm ?? defaultAlgorithm, checksums),
  }
  await commitOrRelease(state, bucket, object, upload.precondition)
  return object
}

/** Commits the object, or releases its pieces if that fails. */
export async function commitOrRelease(state: State, bucket: Bucket, object: StoredObject, precondition: Precondition) {
  try {
    await bucket.objects.commit(object, current => {
      state.buckets.assertExists(bucket)
      precondition(current)
    })
  } catch (error) {
    state.pieces.release(object.pieces)
    throw error
  }
}

export function fullChecksum(algorithm: Algorithm, sums: ReadonlyMap<Algorithm, Buffer>): Checksum {
  return { algorithm, type: 'FULL_OBJECT', value: sums.get(algorithm)?.toString('base64') ?? '' }
}

export function checksumHeaders({ algorithm, type, value }: Checksum): Record<string, string> {
  return { [checksumHeader(algorithm)]: value, 'x-amz-checksum-type': type }
}

export function checkKey(key: string) {
  const size = Buffer.byteLength(key)
  if (size > 1024) throw new S3Error('KeyTooLongError', undefined, { Size: String(size), MaxSizeAllowed: '1024' })
}

export const quoted = (etag: string) => `"${etag}"`

export const totalSize = (pieces: readonly Piece[]) => pieces.reduce((sum, piece) => sum + piece.size, 0)
