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
export function authenticate(ask: S3Request, credentials: Credentials, now: number): AuthenticatedRequest {
  const claim = readSignatureFields(ask)
  checkCredential(claim.credential, credentials, claim.malformed)
  checkTime(claim, now)
  checkSignedHeaders(ask, claim)
  const scope = { day: claim.stamp.slice(0, 8), region: credentials.region }
  if (claim.credential.day !== scope.day) throw new S3Error(claim.malformed, 'Invalid credential date.')
  const canonical = canonicalRequest(ask, claim.signedHeaders, claim.payloadHash)
  const text = stringToSign(claim.stamp, scope, canonical)
  const key = signingKey(credentials.secretAccessKey, scope)
  if (!equalsInConstantTime(sign(key, text), claim.signature)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, {
      AWSAccessKeyId: claim.credential.accessKeyId,
      StringToSign: text,
      SignatureProvided: claim.signature,
      CanonicalRequest: canonical,
    })
  }
  const chain = { key, stamp: claim.stamp, scope: scopeText(scope), seed: claim.signature }
  const headers = claim.expiresS === undefined ? ask.headers : withHoistedHeaders(ask)
  return { ...ask, headers, payload: readPayload(claim.payloadHash, chain, headers) }
}

export function equalsInConstantTime(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const skewMaxMs = 15 * 60_000

function checkTime({ stamp, expiresS, malformed }: SignatureFields, now: number) {
  const at = readStamp(stamp)
  if (at === undefined)
    throw new S3Error(malformed, "The date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  const times = { ServerTime: new Date(now).toISOString(), RequestTime: stamp }
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

function readStamp(stamp: string): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp)
  if (!found) return undefined
  const [, year, month, day, hour, minute, second] = found
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at) ? undefined : at
}

function checkSignedHeaders(ask: S3Request, { signedHeaders }: SignatureFields) {
  const signed = new Set(signedHeaders)
  const unsigned = [...ask.headers.keys()].filter(name => name.startsWith('x-amz-') && !signed.has(name))
  if (!signed.has('host')) unsigned.unshift('host')
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: unsigned.join(', '),
    })
  }
  const missing = signedHeaders.filter(name => !ask.headers.has(name))
  if (missing.length > 0) {
    throw new S3Error('SignatureDoesNotMatch', undefined, { HeadersSignedButMissing: missing.join(', ') })
  }
}

// A presigner moves x-amz-* headers into the query, where they still count as headers: so a checksum in the URL is enforced.
function withHoistedHeaders(ask: S3Request): ReadonlyMap<string, string> {
  const headers = new Map(ask.headers)
  for (const [name, value] of ask.pairs) {
    const header = name.toLowerCase()
    if (header.startsWith('x-amz-') && !headers.has(header)) headers.set(header, Buffer.from(value).toString('latin1'))
  }
  return headers
}
