import { quoted, type S3Response, xmlResponse } from './response'
import { type Bucket } from './buckets'
import { type Algorithm, checksumElementName, fullChecksum, readAlgorithm, StreamDigester } from './checksums'
import { checkCopyConditions, readPrecondition } from './conditions'
import { type Description, readDescription } from './description'
import { S3Error } from './errors'
import { type StoredObject } from './objects'
import { type AuthenticatedRequest } from './signature'
import { type State } from './state'
import { checkKey, commitOrRelease } from './store-object'

/** Copies an object; the copy shares the bytes of its source on disk. */
export async function copyObject(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  checkKey(key)
  const precondition = readPrecondition(call.headers)
  const source = findSource(state, call.headers.get('x-amz-copy-source') ?? '')
  checkCopyConditions(call.headers, source)
  const description = describeCopy(call, source, bucket.objects.find(key) === source)
  const algorithm = readAlgorithm(call.headers.get('x-amz-checksum-algorithm')) ?? source.checksum.algorithm
  state.pieces.retain(source.pieces)
  const copy = {
    key,
    pieces: source.pieces,
    size: source.size,
    modifiedAt: state.now(),
    description,
    ...(await digestCopy(state, source, algorithm)),
  }
  await commitOrRelease(state, bucket, copy, precondition)
  return xmlResponse('CopyObjectResult', {
    LastModified: new Date(copy.modifiedAt).toISOString(),
    ETag: quoted(copy.etag),
    [checksumElementName(algorithm)]: copy.checksum.value,
    ChecksumType: copy.checksum.type,
  })
}

function findSource(state: State, header: string): StoredObject {
  const found = /^\/?([^/?]+)\/([^?]+)(\?.*)?$/.exec(header)
  if (!found) throw new S3Error('InvalidArgument', 'Invalid copy source object key')
  const [, bucket = '', key = '', version] = found
  if (version !== undefined) throw new S3Error('NotImplemented', undefined, { Header: 'x-amz-copy-source' })
  try {
    return state.buckets.get(decodeURIComponent(bucket)).objects.get(decodeURIComponent(key))
  } catch (error) {
    if (error instanceof URIError) throw new S3Error('InvalidArgument', 'Invalid copy source encoding.')
    throw error
  }
}

function describeCopy(call: AuthenticatedRequest, source: StoredObject, ontoItself: boolean): Description {
  const given = readDescription(call.headers)
  const isReplace = (header: string) => {
    const directive = call.headers.get(header) ?? 'COPY'
    if (directive !== 'COPY' && directive !== 'REPLACE') throw new S3Error('InvalidArgument', `Unknown ${header}.`)
    return directive === 'REPLACE'
  }
  const newTags = isReplace('x-amz-tagging-directive')
  const newMetadata = isReplace('x-amz-metadata-directive')
  if (ontoItself && !newMetadata && !call.headers.has('x-amz-storage-class')) {
    throw new S3Error('InvalidRequest', 'This copy request is illegal because it copies an object onto itself.')
  }
  const { headers, metadata } = newMetadata ? given : source.description
  return { headers, metadata, tags: newTags ? given.tags : source.description.tags, storageClass: given.storageClass }
}

// A copy has no parts, so ETag and checksum of a multipart source are computed again. Releases the pieces if that fails.
async function digestCopy(
  state: State,
  source: StoredObject,
  algorithm: Algorithm,
): Promise<Pick<StoredObject, 'etag' | 'checksum'>> {
  if (!source.parts && source.checksum.algorithm === algorithm) return { etag: source.etag, checksum: source.checksum }
  try {
    const digester = new StreamDigester([algorithm])
    for await (const chunk of state.pieces.read(source.pieces, 0, source.size)) {
      if (chunk instanceof Uint8Array) digester.update(chunk)
    }
    const { md5, checksums } = digester.finish()
    return { etag: md5.toString('hex'), checksum: fullChecksum(algorithm, checksums) }
  } catch (error) {
    state.pieces.release(source.pieces)
    throw error
  }
}
