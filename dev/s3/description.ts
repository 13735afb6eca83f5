import { Refusal } from './errors'

/** What is said about an object beside its bytes. Header values are kept as the bytes they came in (latin1). */
export interface Description {
  /** Standard headers, handed back as they came. */
  headers: Record<string, string>
  /** User metadata, names without `x-amz-meta-`. */
  metadata: Record<string, string>
  tags: [key: string, value: string][]
  storageClass: string
}

/** Reads it from headers, or from the fields of a form, which have the same names. */
export function readDescription(given: ReadonlyMap<string, string>): Description {
  refuseUnsupported(given)
  const headers: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  for (const name of keptHeaders) {
    const value = name === 'content-encoding' ? withoutAwsChunked(given.get(name)) : given.get(name)
    if (value !== undefined && value !== '') headers[name] = value
  }
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
  const metadata: Record<string, string> = {}
  for (const [name, value] of given) {
    if (!name.startsWith('x-amz-meta-')) continue
    checkHeader(name, value)
    metadata[name.slice('x-amz-meta-'.length)] = value.trim()
  }
  const metadataBytes = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (metadataBytes > metadataBytesMax) throw new Refusal('MetadataTooLarge')
  return {
    headers,
    metadata,
    tags: checkTags([...new URLSearchParams(given.get('x-amz-tagging') ?? '')]),
    storageClass: given.get('x-amz-storage-class') ?? 'STANDARD',
  }
}

export function describingHeaders({ headers, metadata, tags, storageClass }: Description): Record<string, string> {
  const answer = { ...headers }
  for (const [name, value] of Object.entries(metadata)) answer[`x-amz-meta-${name}`] = value
  if (tags.length > 0) answer['x-amz-tagging-count'] = String(tags.length)
  if (storageClass !== 'STANDARD') answer['x-amz-storage-class'] = storageClass
  return answer
}

export function checkTags(tags: [key: string, value: string][]): [key: string, value: string][] {
  if (tags.length > 10) throw new Refusal('BadRequest', 'Object tags cannot be greater than 10')
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new Refusal('InvalidTag', 'Cannot provide multiple Tags with the same key')
  }
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || value.length > 256) throw new Refusal('InvalidTag')
  }
  return tags
}

const keptHeaders = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]

const metadataBytesMax = 2048

// To ignore what one cannot do would let code pass here that means something else on real S3.
function refuseUnsupported(given: ReadonlyMap<string, string>) {
  const acl = given.get('x-amz-acl') ?? given.get('acl') ?? 'private'
  if (acl !== 'private' && acl !== 'bucket-owner-full-control') throw new Refusal('AccessControlListNotSupported')
  for (const name of given.keys()) {
    if (/^x-amz-(grant-|server-side-encryption-customer|object-lock|website-redirect)/.test(name)) {
      throw new Refusal('NotImplemented', undefined, { Header: name })
    }
  }
}

// Queries and forms can carry what no header may; it would only fail when the object is read.
function checkHeader(name: string, value: string) {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new Refusal('InvalidArgument', `${JSON.stringify(name)} can't be a header`)
  }
}

function withoutAwsChunked(encoding: string | undefined): string | undefined {
  return encoding
    ?.split(',')
    .map(part => part.trim())
    .filter(part => part !== 'aws-chunked')
    .join(',')
}
