import { quoted, type S3Response, emptyResponse, xmlResponse } from './response'
import { openBody, readText } from './body'
import { type Bucket } from './buckets'
import { checksumElementName, checksumHeaders, defaultAlgorithm } from './checksums'
import { checkReadConditions, rangeApplies, readPrecondition } from './conditions'
import { checkTags, descriptionHeaders, readDescription } from './description'
import { S3Error } from './errors'
import { type StoredObject } from './objects'
import { readRange } from './ranges'
import { type AuthenticatedRequest } from './signature'
import { type State } from './state'
import { storeObject } from './store-object'
import { childrenOf, parseXml, textOf, type XmlFields } from './xml'

export async function putObject(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const object = await storeObject(state, bucket, {
    key,
    description: readDescription(call.headers),
    body: openBody(call, { fallback: defaultAlgorithm }),
    precondition: readPrecondition(call.headers),
  })
  return emptyResponse(200, { etag: quoted(object.etag), ...checksumHeaders(object.checksum) })
}

/** GET and HEAD, which differ only in the body. */
export async function getObject(
  state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const object = bucket.objects.get(key)
  const validators = {
    etag: quoted(object.etag),
    'last-modified': new Date(object.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  }
  if (checkReadConditions(call.headers, object) === 'not modified') return emptyResponse(304, validators)
  const range = rangeApplies(call.headers, object) ? readRange(call.headers.get('range'), object.size) : undefined
  const { start, end } = range ?? { start: 0, end: object.size }
  const showChecksum = range === undefined && call.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
  const headers = {
    ...descriptionHeaders(object.description),
    ...validators,
    'content-length': end - start,
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${object.size}` }),
    ...(showChecksum && checksumHeaders(object.checksum)),
    ...responseOverrides(call),
  }
  const response = { status: range ? 206 : 200, headers }
  return call.method === 'HEAD' ? response : { ...response, body: state.pieces.read(object.pieces, start, end) }
}

export async function deleteObject(
  _state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const precondition = readPrecondition(call.headers)
  await bucket.objects.remove(key, precondition)
  return emptyResponse(204)
}

/** Deletes several keys in one request; a missing key counts as deleted. */
export async function deleteObjects(_state: State, call: AuthenticatedRequest, bucket: Bucket): Promise<S3Response> {
  const root = parseXml(await readText(call, { digestNeeded: true }))
  const entries = childrenOf(root, 'Object')
  if (root.name !== 'Delete' || entries.length === 0 || entries.length > 1000) throw new S3Error('MalformedXML')
  const deleted: XmlFields[] = []
  for (const entry of entries) {
    const key = textOf(entry, 'Key')
    if (!key) throw new S3Error('MalformedXML')
    await bucket.objects.remove(key, () => undefined)
    deleted.push({ Key: key })
  }
  return xmlResponse('DeleteResult', { Deleted: textOf(root, 'Quiet') === 'true' ? [] : deleted })
}

export async function getObjectAttributes(
  _state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const object = bucket.objects.get(key)
  const wanted = (call.headers.get('x-amz-object-attributes') ?? '').split(',').map(name => name.trim())
  if (wanted.length === 0 || wanted.some(name => !attributes.has(name))) {
    throw new S3Error('InvalidArgument', 'Invalid attribute name specified.')
  }
  const fields: XmlFields = {}
  for (const name of wanted) fields[name] = attributes.get(name)?.(object)
  const modified = { 'last-modified': new Date(object.modifiedAt).toUTCString() }
  return xmlResponse('GetObjectAttributesResponse', fields, modified)
}

export async function putTagging(
  _state: State,
  call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const root = parseXml(await readText(call, { digestNeeded: true }))
  const [set] = childrenOf(root, 'TagSet')
  if (root.name !== 'Tagging' || !set) throw new S3Error('MalformedXML')
  const tags = checkTags(
    childrenOf(set, 'Tag').map(tag => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? ''] as [string, string]),
  )
  await bucket.objects.updateDescription(key, description => ({ ...description, tags }))
  return emptyResponse(200)
}

export async function getTagging(
  _state: State,
  _call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const { tags } = bucket.objects.get(key).description
  return xmlResponse('Tagging', { TagSet: { Tag: tags.map(([Key, Value]) => ({ Key, Value })) } })
}

export async function deleteTagging(
  _state: State,
  _call: AuthenticatedRequest,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  await bucket.objects.updateDescription(key, description => ({ ...description, tags: [] }))
  return emptyResponse(204)
}

function responseOverrides({ query }: AuthenticatedRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of query) {
    const header = /^response-(cache-control|content-(?:disposition|encoding|language|type)|expires)$/.exec(name)?.[1]
    if (header === undefined) continue
    // Check here, because Node throws on such bytes only while it writes the response.
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new S3Error('InvalidArgument', `${name} is not a valid header value`)
    headers[header] = value
  }
  return headers
}

const attributes = new Map<string, (object: StoredObject) => XmlFields[string]>([
  ['ETag', object => object.etag],
  [
    'Checksum',
    ({ checksum }) => ({ [checksumElementName(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
  ],
  ['ObjectParts', object => object.parts && partsOf(object)],
  ['StorageClass', object => object.description.storageClass],
  ['ObjectSize', object => object.size],
])

function partsOf({ parts = [], checksum }: StoredObject): XmlFields {
  return {
    TotalPartsCount: parts.length,
    PartNumberMarker: 0,
    NextPartNumberMarker: parts.at(-1)?.number ?? 0,
    MaxParts: 1000,
    IsTruncated: false,
    Part: parts.map(part => ({
      PartNumber: part.number,
      Size: part.size,
      [checksumElementName(checksum.algorithm)]: part.checksum,
    })),
  }
}
