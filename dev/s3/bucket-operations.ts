import { quoted, type S3Response, emptyResponse, rawXmlResponse, xmlResponse } from './response'
import { readText } from './body'
import { type Bucket } from './buckets'
import { readCorsRules } from './cors'
import { S3Error } from './errors'
import { listKeys, readPageSize } from './listing'
import { type StoredObject } from './objects'
import { type AuthenticatedRequest } from './signature'
import { type State } from './state'
import { childrenOf, parseXml, textOf } from './xml'

export async function listBuckets(state: State): Promise<S3Response> {
  const buckets = state.buckets.all().map(({ record }) => ({
    Name: record.name,
    CreationDate: new Date(record.createdAt).toISOString(),
  }))
  return xmlResponse('ListAllMyBucketsResult', { Owner: owner, Buckets: { Bucket: buckets } })
}

export async function createBucket(state: State, call: AuthenticatedRequest, name: string): Promise<S3Response> {
  const body = await readText(call)
  const region = body === '' ? undefined : textOf(parseXml(body), 'LocationConstraint')
  if (region !== undefined && region !== state.credentials.region) {
    throw new S3Error('IllegalLocationConstraintException')
  }
  await state.buckets.create(name, state.now())
  return emptyResponse(200, { location: `/${name}` })
}

export async function headBucket(state: State): Promise<S3Response> {
  return emptyResponse(200, { 'x-amz-bucket-region': state.credentials.region })
}

export async function deleteBucket(state: State, _call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  await state.buckets.delete(bucket)
  return emptyResponse(204)
}

export async function getLocation(state: State): Promise<S3Response> {
  const { region } = state.credentials
  // S3 returns an empty name for us-east-1, for compatibility with old clients.
  const body = region === 'us-east-1' ? '' : region
  return rawXmlResponse(
    `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</LocationConstraint>`,
  )
}

export async function listObjects(_state: State, call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  const { query } = call
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'Only ListObjectsV2 is implemented')
  const [prefix = '', delimiter = ''] = [query.get('prefix'), query.get('delimiter')]
  const token = query.get('continuation-token')
  const max = readPageSize(query.get('max-keys'), 'max-keys')
  const after = token === undefined ? (query.get('start-after') ?? '') : readToken(token)
  const page = listKeys(bucket.objects.keys(), { prefix, delimiter, after, keysMax: max })
  const encoding = readEncoding(query.get('encoding-type'))
  const encode = (text: string) => (encoding === 'url' ? encodeURIComponent(text).replaceAll('%2F', '/') : text)
  return xmlResponse('ListBucketResult', {
    Name: bucket.record.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: encoding,
    KeyCount: page.keys.length + page.commonPrefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
    StartAfter: query.get('start-after'),
    Contents: page.keys.flatMap(key => listEntry(bucket.objects.find(key), encode)),
    CommonPrefixes: page.commonPrefixes.map(Prefix => ({ Prefix: encode(Prefix) })),
  })
}

export async function putCors(state: State, call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  const cors = await readText(call, { digestNeeded: true })
  readCorsRules(cors)
  await state.buckets.updateRecord(bucket, record => ({ ...record, cors }))
  return emptyResponse(200)
}

export async function getCors(_state: State, _call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  if (bucket.record.cors === undefined) throw new S3Error('NoSuchCORSConfiguration')
  return rawXmlResponse(bucket.record.cors)
}

export async function deleteCors(state: State, _call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  await state.buckets.updateRecord(bucket, record => ({ ...record, cors: undefined }))
  return emptyResponse(204)
}

/** Stores the rules and returns them, but does not apply them. */
export async function putLifecycle(state: State, call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  const lifecycle = await readText(call, { digestNeeded: true })
  const root = parseXml(lifecycle)
  const rules = childrenOf(root, 'Rule')
  const areValid = rules.every(rule => ['Enabled', 'Disabled'].includes(textOf(rule, 'Status') ?? ''))
  if (root.name !== 'LifecycleConfiguration' || rules.length === 0 || !areValid) throw new S3Error('MalformedXML')
  await state.buckets.updateRecord(bucket, record => ({ ...record, lifecycle }))
  return emptyResponse(200)
}

export async function getLifecycle(_state: State, _call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  if (bucket.record.lifecycle === undefined) throw new S3Error('NoSuchLifecycleConfiguration')
  return rawXmlResponse(bucket.record.lifecycle)
}

export async function deleteLifecycle(state: State, _call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  await state.buckets.updateRecord(bucket, record => ({ ...record, lifecycle: undefined }))
  return emptyResponse(204)
}

const owner = { ID: 'stand-in', DisplayName: 'stand-in' }

function readToken(token: string): string {
  const after = Buffer.from(token, 'base64url').toString()
  if (after === '') throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect')
  return after
}

function readEncoding(encoding: string | undefined): string | undefined {
  if (encoding !== undefined && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request')
  }
  return encoding
}

function listEntry(object: StoredObject | undefined, encode: (text: string) => string) {
  if (!object) return []
  return [
    {
      Key: encode(object.key),
      LastModified: new Date(object.modifiedAt).toISOString(),
      ETag: quoted(object.etag),
      ChecksumAlgorithm: object.checksum.algorithm,
      ChecksumType: object.checksum.type,
      Size: object.size,
      StorageClass: object.description.storageClass,
    },
  ]
}
