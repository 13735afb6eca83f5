import { timingSafeEqual } from 'node:crypto'
import { type S3Request } from './request'
import { canonicalRequest, scopeText, sign, signingKey, stringToSign } from './canonical'
import { type SignatureFields, readSignatureFields } from './signature-fields'
import { checkCredential, type Credentials } from './credential'
import { S3Error } from './errors'
import { type Payload, readPayload } from './payload'

/** A request with a valid signature; `headers` include the headers that a presigned URL has in its query. */
export interface AuthenticatedRequest extends S3Request {
  payload: Payload
}

/** Verifies the Signature Version 4 in the Authorization header or the query; refuses anonymous requests. */
export function authenticate(request: S3Request, credentials: Credentials, now: number): AuthenticatedRequest {
  const fields = readSignatureFields(request)
  checkCredential(fields.credential, credentials, fields.malformedCode)
  checkTime(fields, now)
  checkSignedHeaders(request, fields)
  const scope = { day: fields.timestamp.slice(0, 8), region: credentials.region }
  if (fields.credential.day !== scope.day) throw new S3Error(fields.malformedCode, 'Invalid credential date.')
  const canonical = canonicalRequest(request, fields.signedHeaders, fields.payloadHash)
  const text = stringToSign(fields.timestamp, scope, canonical)
  const key = signingKey(credentials.secretAccessKey, scope)
  if (!equalsInConstantTime(sign(key, text), fields.signature)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, {
      AWSAccessKeyId: fields.credential.accessKeyId,
      StringToSign: text,
      SignatureProvided: fields.signature,
      CanonicalRequest: canonical,
    })
  }
  const chain = { key, timestamp: fields.timestamp, scope: scopeText(scope), seed: fields.signature }
  const headers = fields.expiresS === undefined ? request.headers : withHoistedHeaders(request)
  return { ...request, headers, payload: readPayload(fields.payloadHash, chain, headers) }
}

export function equalsInConstantTime(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const skewMaxMs = 15 * 60_000

function checkTime({ timestamp, expiresS, malformedCode }: SignatureFields, now: number) {
  const at = parseTimestamp(timestamp)
  if (at === undefined)
    throw new S3Error(malformedCode, "The date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  const times = { ServerTime: new Date(now).toISOString(), RequestTime: timestamp }
  if (expiresS === undefined) {
    if (Math.abs(now - at) > skewMaxMs) throw new S3Error('RequestTimeTooSkewed', undefined, times)
    return
  }
  if (at - now > skewMaxMs) throw new S3Error('AccessDenied', 'Request is not valid yet', times)
  if (now > at + expiresS * 1000) {
    const Expires = new Date(at + expiresS * 1000).toISOString()
    throw new S3Error('AccessDenied', 'Request has expired', { 'X-Amz-Expires': String(expiresS), Expires, ...times })
  }
}

function parseTimestamp(timestamp: string): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp)
  if (!found) return undefined
  const [, year, month, day, hour, minute, second] = found
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at) ? undefined : at
}

function checkSignedHeaders(request: S3Request, { signedHeaders }: SignatureFields) {
  const signed = new Set(signedHeaders)
  const unsigned = [...request.headers.keys()].filter(name => name.startsWith('x-amz-') && !signed.has(name))
  if (!signed.has('host')) unsigned.unshift('host')
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: unsigned.join(', '),
    })
  }
  const missing = signedHeaders.filter(name => !request.headers.has(name))
  if (missing.length > 0) {
    throw new S3Error('SignatureDoesNotMatch', undefined, { HeadersSignedButMissing: missing.join(', ') })
  }
}

// A presigner moves x-amz-* headers into the query, where they still count as headers: so a checksum in the URL is enforced.
function withHoistedHeaders(request: S3Request): ReadonlyMap<string, string> {
  const headers = new Map(request.headers)
  for (const [name, value] of request.pairs) {
    const header = name.toLowerCase()
    if (header.startsWith('x-amz-') && !headers.has(header)) headers.set(header, Buffer.from(value).toString('latin1'))
  }
  return headers
}
