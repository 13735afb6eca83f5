import { createHash, createHmac } from 'node:crypto'
import { type S3Request } from './request'

export interface Scope {
  /** YYYYMMDD */
  day: string
  region: string
}

/** The canonical request of Signature Version 4. S3 encodes the path once; other AWS services encode it twice. */
export function canonicalRequest(request: S3Request, signedHeaders: readonly string[], payloadHash: string): string {
  const headers = signedHeaders.map(name => `${name}:${(request.headers.get(name) ?? '').trim().replace(/ +/g, ' ')}\n`)
  return [
    request.method,
    request.path.split('/').map(encodeStrictly).join('/'),
    canonicalQuery(request.pairs),
    headers.join(''),
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n')
}

export function stringToSign(timestamp: string, scope: Scope, canonical: string): string {
  // Node decodes headers as latin1, so hashing the text as latin1 hashes the bytes that were sent.
  const digest = createHash('sha256').update(canonical, 'latin1').digest('hex')
  return ['AWS4-HMAC-SHA256', timestamp, scopeText(scope), digest].join('\n')
}

export const scopeText = ({ day, region }: Scope) => `${day}/${region}/s3/aws4_request`

export function signingKey(secret: string, { day, region }: Scope): Buffer {
  return [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, text) => createHmac('sha256', key).update(text).digest(),
    Buffer.from(`AWS4${secret}`),
  )
}

export function sign(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

function canonicalQuery(pairs: S3Request['pairs']): string {
  return pairs
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

// RFC 3986: encodeURIComponent leaves five reserved characters as they are.
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}
