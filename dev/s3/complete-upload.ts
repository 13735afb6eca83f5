import { createHash } from 'node:crypto'
import { quoted, type S3Response, xmlResponse } from './response'
import { readText } from './body'
import { type Bucket } from './buckets'
import { checksumElementName, checksumHeaderName, combineChecksums } from './checksums'
import { readPrecondition } from './conditions'
import { S3Error } from './errors'
import { readUploadId } from './multipart-operations'
import { type StoredObject } from './objects'
import { type AuthenticatedRequest } from './signature'
import { type State } from './state'
import { commitOrRelease } from './store-object'
import { type Part, type Upload } from './uploads'
import { childrenOf, parseXml, textOf, type XmlNode } from './xml'

/** Assembles an object from the listed parts without copying their bytes; deletes the other parts. */
export async function completeUpload(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const id = readUploadId(call)
  bucket.uploads.get(id, key)
  const precondition = readPrecondition(call.headers)
  const requestedParts = readRequestedParts(await readText(withoutObjectChecksum(call)))
  return bucket.uploads.mutex.runExclusive(id, async () => {
    const upload = bucket.uploads.get(id, key)
    const parts = checkParts(upload, requestedParts)
    const object = assemble(upload, parts, state.now())
    checkObject(call, object)
    // Take references for the object, because removing the upload releases its own.
    state.pieces.retain(object.pieces)
    await commitOrRelease(state, bucket, object, precondition)
    await bucket.uploads.remove(upload)
    return xmlResponse('CompleteMultipartUploadResult', {
      Location: `/${bucket.record.name}/${key}`,
      Bucket: bucket.record.name,
      Key: key,
      ETag: quoted(object.etag),
      [checksumElementName(object.checksum.algorithm)]: object.checksum.value,
      ChecksumType: object.checksum.type,
    })
  })
}

const partBytesMin = 5 * 1024 ** 2

// In this request the checksum headers are those of the object, not of the XML body.
function withoutObjectChecksum(call: AuthenticatedRequest): AuthenticatedRequest {
  const headers = [...call.headers].filter(([name]) => !name.startsWith('x-amz-checksum-'))
  return { ...call, headers: new Map(headers) }
}

function readRequestedParts(text: string): XmlNode[] {
  const root = parseXml(text)
  const requestedParts = childrenOf(root, 'Part')
  if (root.name !== 'CompleteMultipartUpload' || requestedParts.length === 0 || requestedParts.length > 10_000) {
    throw new S3Error('MalformedXML')
  }
  return requestedParts
}

function checkParts(upload: Upload, requestedParts: readonly XmlNode[]): Part[] {
  let previous = 0
  const parts = requestedParts.map(requestedPart => {
    const number = Number(textOf(requestedPart, 'PartNumber'))
    if (!Number.isInteger(number)) throw new S3Error('MalformedXML')
    if (number <= previous) throw new S3Error('InvalidPartOrder', undefined, { UploadId: upload.id })
    previous = number
    return checkPart(upload, requestedPart, number)
  })
  for (const part of parts.slice(0, -1)) {
    if (part.piece.size < partBytesMin) {
      throw new S3Error('EntityTooSmall', undefined, {
        ProposedSize: String(part.piece.size),
        MinSizeAllowed: String(partBytesMin),
        PartNumber: String(part.number),
        ETag: part.md5,
      })
    }
  }
  return parts
}

function checkPart(upload: Upload, requestedPart: XmlNode, number: number): Part {
  const part = upload.parts.get(number)
  const etag = textOf(requestedPart, 'ETag')?.trim().replaceAll('"', '')
  if (!part || etag !== part.md5) {
    throw new S3Error('InvalidPart', undefined, { UploadId: upload.id, PartNumber: String(number), ETag: etag ?? '' })
  }
  const checksum = textOf(requestedPart, checksumElementName(upload.algorithm))
  if (checksum === undefined && upload.isAlgorithmChosen && upload.checksumType === 'COMPOSITE') {
    const using = upload.algorithm.toLowerCase()
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using a ${using} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    )
  }
  if (checksum !== undefined && checksum !== part.checksum) {
    throw new S3Error('InvalidPart', undefined, { UploadId: upload.id, PartNumber: String(number) })
  }
  return part
}

function assemble(upload: Upload, parts: readonly Part[], now: number): StoredObject {
  const md5 = createHash('md5')
  for (const part of parts) md5.update(part.md5, 'hex')
  const digests = parts.map(part => ({ digest: Buffer.from(part.checksum, 'base64'), size: part.piece.size }))
  const pieces = parts.map(part => part.piece)
  return {
    key: upload.key,
    pieces,
    size: pieces.reduce((sum, piece) => sum + piece.size, 0),
    etag: `${md5.digest('hex')}-${parts.length}`,
    modifiedAt: now,
    description: upload.description,
    checksum: combineChecksums(upload.algorithm, upload.checksumType, digests),
    parts: parts.map(({ number, piece, checksum }) => ({ number, size: piece.size, checksum })),
  }
}

function checkObject(call: AuthenticatedRequest, { size, checksum }: StoredObject) {
  const expectedSize = call.headers.get('x-amz-mp-object-size')
  if (expectedSize !== undefined && Number(expectedSize) !== size) {
    throw new S3Error('InvalidRequest', 'The provided x-amz-mp-object-size does not match the size of the parts.')
  }
  const expected = call.headers.get(checksumHeaderName(checksum.algorithm))
  const composite = checksum.type === 'COMPOSITE' && expected === checksum.value.replace(/-\d+$/, '')
  if (expected !== undefined && expected !== checksum.value && !composite) {
    throw new S3Error('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`)
  }
}
