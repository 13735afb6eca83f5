import { type Body } from './body'
import { type Bucket } from './buckets'
import { defaultAlgorithm, fullChecksum } from './checksums'
import { type Description } from './description'
import { S3Error } from './errors'
import { type Precondition, type StoredObject } from './objects'
import { type State } from './state'

/** Streams a body to disk and stores it as one object, atomically. */
export async function storeObject(
  state: State,
  bucket: Bucket,
  content: { key: string; description: Description; body: Body; precondition: Precondition },
): Promise<StoredObject> {
  checkKey(content.key)
  content.precondition(bucket.objects.find(content.key))
  const piece = await state.pieces.write(content.body.bytes)
  const { md5, checksums, size } = content.body.digests()
  const object = {
    key: content.key,
    pieces: [piece],
    size,
    etag: md5.toString('hex'),
    modifiedAt: state.now(),
    description: content.description,
    checksum: fullChecksum(content.body.algorithm ?? defaultAlgorithm, checksums),
  }
  await commitOrRelease(state, bucket, object, content.precondition)
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

export function checkKey(key: string) {
  const size = Buffer.byteLength(key)
  if (size > 1024) throw new S3Error('KeyTooLongError', undefined, { Size: String(size), MaxSizeAllowed: '1024' })
}
