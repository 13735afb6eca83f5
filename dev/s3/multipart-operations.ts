import { quoted, type S3Response, emptyResponse, xmlResponse } from './response'
import { openBody } from './body'
import { type Bucket } from './buckets'
import { type Algorithm, checksumElementName, checksumHeaderName, defaultAlgorithm, readAlgorithm } from './checksums'
import { readDescription } from './description'
import { S3Error } from './errors'
import { readPageSize } from './listing'
import { type AuthenticatedRequest } from './signature'
import { type State } from './state'
import { checkKey } from './store-object'
import { type Upload } from './uploads'

export async function createUpload(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  checkKey(key)
  const chosen = readAlgorithm(call.headers.get('x-amz-checksum-algorithm'))
  const algorithm = chosen ?? defaultAlgorithm
  const checksumType = readChecksumType(call.headers.get('x-amz-checksum-type'), algorithm)
  const { id } = await bucket.uploads.start({
    key,
    startedAt: state.now(),
    description: readDescription(call.headers),
    algorithm,
    checksumType,
    isAlgorithmChosen: chosen !== undefined,
  })
  const headers = chosen && { 'x-amz-checksum-algorithm': chosen, 'x-amz-checksum-type': checksumType }
  return xmlResponse('InitiateMultipartUploadResult', { Bucket: bucket.record.name, Key: key, UploadId: id }, headers)
}

export async function uploadPart(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  if (call.headers.has('x-amz-copy-source')) throw new S3Error('NotImplemented', 'UploadPartCopy is not implemented')
  const id = readUploadId(call)
  const number = Number(call.query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
  }
  const { algorithm, checksumType, isAlgorithmChosen } = bucket.uploads.get(id, key)
  const body = openBody(call, { also: algorithm })
  const mustMatch = isAlgorithmChosen && (checksumType === 'COMPOSITE' || body.algorithm !== undefined)
  if (mustMatch && body.algorithm !== algorithm) {
    const [expected, actual] = [algorithm.toLowerCase(), body.algorithm?.toLowerCase() ?? 'null']
    const message = `Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`
    throw new S3Error('InvalidRequest', message)
  }
  const piece = await state.pieces.write(body.bytes)
  const { md5, checksums } = body.digests()
  const etag = md5.toString('hex')
  const checksum = checksums.get(algorithm)?.toString('base64') ?? ''
  try {
    await bucket.uploads.addPart(id, key, { number, piece, md5: etag, checksum, modifiedAt: state.now() })
  } catch (error) {
    state.pieces.release([piece])
    throw error
  }
  const responseAlgorithm = body.algorithm ?? algorithm
  return emptyResponse(200, {
    etag: quoted(etag),
    [checksumHeaderName(responseAlgorithm)]: checksums.get(responseAlgorithm)?.toString('base64'),
  })
}

export async function abortUpload(
  _state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  await bucket.uploads.abort(readUploadId(call), key)
  return emptyResponse(204)
}

export async function listParts(
  _state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const upload = bucket.uploads.get(readUploadId(call), key)
  const max = readPageSize(call.query.get('max-parts'), 'max-parts')
  const marker = Number(call.query.get('part-number-marker') ?? 0)
  const rest = sortedParts(upload).filter(part => part.number > marker)
  const page = rest.slice(0, max)
  return xmlResponse('ListPartsResult', {
    Bucket: bucket.record.name,
    Key: key,
    UploadId: upload.id,
    ChecksumAlgorithm: upload.algorithm,
    ChecksumType: upload.checksumType,
    StorageClass: upload.description.storageClass,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: rest.length > page.length,
    Part: page.map(part => ({
      PartNumber: part.number,
      LastModified: new Date(part.modifiedAt).toISOString(),
      ETag: quoted(part.md5),
      Size: part.piece.size,
      [checksumElementName(upload.algorithm)]: part.checksum,
    })),
  })
}

export async function listUploads(_state: State, call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  if (call.query.has('delimiter'))
    throw new S3Error('NotImplemented', 'The delimiter of ListMultipartUploads is not implemented')
  const prefix = call.query.get('prefix') ?? ''
  const max = readPageSize(call.query.get('max-uploads'), 'max-uploads')
  const after = [call.query.get('key-marker') ?? '', call.query.get('upload-id-marker') ?? ''] as const
  const rest = bucket.uploads
    .all()
    .filter(({ key, id }) => key.startsWith(prefix) && (key > after[0] || (key === after[0] && id > after[1])))
    .sort((a, b) => (a.key < b.key || (a.key === b.key && a.id < b.id) ? -1 : 1))
  const page = rest.slice(0, max)
  return xmlResponse('ListMultipartUploadsResult', {
    Bucket: bucket.record.name,
    KeyMarker: after[0],
    UploadIdMarker: after[1],
    NextKeyMarker: page.at(-1)?.key,
    NextUploadIdMarker: page.at(-1)?.id,
    Prefix: prefix,
    MaxUploads: max,
    IsTruncated: rest.length > page.length,
    Upload: page.map(upload => ({
      Key: upload.key,
      UploadId: upload.id,
      StorageClass: upload.description.storageClass,
      Initiated: new Date(upload.startedAt).toISOString(),
      ChecksumAlgorithm: upload.algorithm,
      ChecksumType: upload.checksumType,
    })),
  })
}

export function readUploadId(call: AuthenticatedRequest): string {
  const id = call.query.get('uploadId')
  if (!id) throw new S3Error('InvalidArgument', 'This operation does not accept a request without uploadId')
  return id
}

function sortedParts(upload: Upload) {
  return [...upload.parts.values()].sort((a, b) => a.number - b.number)
}

function readChecksumType(given: string | undefined, algorithm: Algorithm): Upload['checksumType'] {
  const isSha = algorithm === 'SHA1' || algorithm === 'SHA256'
  const type = given?.toUpperCase() ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  const isPossible = type === 'FULL_OBJECT' ? !isSha : type === 'COMPOSITE' && algorithm !== 'CRC64NVME'
  if (!isPossible || (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')) {
    throw new S3Error('InvalidRequest', `The ${type} checksum type cannot be used with the ${algorithm} algorithm.`)
  }
  return type
}
