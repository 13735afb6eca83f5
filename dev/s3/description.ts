import { S3Error } from './errors'

/** The metadata of an object. Header values are stored as the bytes that were sent (latin1). */
export interface Description {
  /** Standard headers, returned unchanged. */
  headers: Record<string, string>
  /** User metadata, names without `x-amz-meta-`. */
  metadata: Record<string, string>
  tags: [key: string, value: string][]
  storageClass: string
}

/** Reads the metadata from headers, or from form fields of the same names. */
export function readDescription(source: ReadonlyMap<string, string>): Description {
  refuseUnsupported(source)
  const headers: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  for (const name of storedHeaders) {
    const value = name === 'content-encoding' ? withoutAwsChunked(source.get(name)) : source.get(name)
    if (value !== undefined && value !== '') headers[name] = value
  }
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
  const metadata: Record<string, string> = {}
  for (const [name, value] of source) {
    if (!name.startsWith('x-amz-meta-')) continue
    checkHeader(name, value)
    metadata[name.slice('x-amz-meta-'.length)] = value.trim()
  }
  const metadataBytes = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (metadataBytes > metadataBytesMax) throw new S3Error('MetadataTooLarge')
  return {
    headers,
    metadata,
    tags: checkTags([...new URLSearchParams(source.get('x-amz-tagging') ?? '')]),
    storageClass: source.get('x-amz-storage-class') ?? 'STANDARD',
  }
}

export function descriptionHeaders({ headers, metadata, tags, storageClass }: Description): Record<string, string> {
  const result = { ...headers }
  for (const [name, value] of Object.entries(metadata)) result[`x-amz-meta-${name}`] = value
  if (tags.length > 0) result['x-amz-tagging-count'] = String(tags.length)
  if (storageClass !== 'STANDARD') result['x-amz-storage-class'] = storageClass
  return result
}

export function checkTags(tags: [key: string, value: string][]): [key: string, value: string][] {
  if (tags.length > 10) throw new S3Error('BadRequest', 'Object tags cannot be greater than 10')
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key')
  }
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || value.length > 256) throw new S3Error('InvalidTag')
  }
  return tags
}

const storedHeaders = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]

const metadataBytesMax = 2048

// Refuse unsupported headers: ignoring them would let code pass here that behaves differently on real S3.
function refuseUnsupported(source: ReadonlyMap<string, string>) {
  const acl = source.get('x-amz-acl') ?? source.get('acl') ?? 'private'
  if (acl !== 'private' && acl !== 'bucket-owner-full-control') throw new S3Error('AccessControlListNotSupported')
  for (const name of source.keys()) {
    if (/^x-amz-(grant-|server-side-encryption-customer|object-lock|website-redirect)/.test(name)) {
      throw new S3Error('NotImplemented', undefined, { Header: name })
    }
  }
}

// Query and form values may be invalid in a header; without this check the object's download would fail.
function checkHeader(name: string, value: string) {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new S3Error('InvalidArgument', `${JSON.stringify(name)} is not a valid header`)
  }
}

function withoutAwsChunked(encoding: string | undefined): string | undefined {
  return encoding
    ?.split(',')
    .map(part => part.trim())
    .filter(part => part !== 'aws-chunked')
    .join(',')
}
