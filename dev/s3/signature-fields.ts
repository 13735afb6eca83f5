import { type S3Request } from './request'
import { type MalformedCode, readCredential, type Credential } from './credential'
import { S3Error } from './errors'

/** The signature fields of a request, parsed but not verified. */
export interface SignatureFields {
  credential: Credential
  signedHeaders: string[]
  signature: string
  /** YYYYMMDDTHHMMSSZ */
  stamp: string
  /** Only presigned URLs have one. */
  expiresS?: number
  payloadHash: string
  malformed: MalformedCode
}

/** Parses the signature fields from the Authorization header or the query; AccessDenied for an anonymous request. */
export function readSignatureFields(ask: S3Request): SignatureFields {
  const authorization = ask.headers.get('authorization')
  const presigned = ask.query.has('X-Amz-Algorithm') || ask.query.has('X-Amz-Signature')
  if (authorization !== undefined && presigned) {
    throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed.')
  }
  if (authorization !== undefined) return readHeaderClaim(ask, authorization)
  if (presigned) return readQueryClaim(ask)
  throw new S3Error('AccessDenied')
}

function readHeaderClaim(ask: S3Request, authorization: string): SignatureFields {
  const malformed = 'AuthorizationHeaderMalformed'
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ')) {
    throw new S3Error('InvalidRequest', 'The authorization mechanism is not supported. Please use AWS4-HMAC-SHA256.')
  }
  const fields = new Map<string, string>()
  for (const field of authorization.slice('AWS4-HMAC-SHA256 '.length).split(',')) {
    const [name = '', ...value] = field.trim().split('=')
    fields.set(name, value.join('='))
  }
  const need = (name: string) => {
    const value = fields.get(name)
    if (!value) throw new S3Error(malformed, `The authorization header requires ${name}.`)
    return value
  }
  const payloadHash = ask.headers.get('x-amz-content-sha256')
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  return {
    credential: readCredential(need('Credential'), malformed),
    signedHeaders: need('SignedHeaders').split(';'),
    signature: need('Signature'),
    stamp: headerStamp(ask),
    payloadHash,
    malformed,
  }
}

function headerStamp(ask: S3Request): string {
  const stamp = ask.headers.get('x-amz-date')
  if (stamp !== undefined) return stamp
  const date = new Date(ask.headers.get('date') ?? '')
  if (Number.isNaN(date.getTime())) throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date header')
  return date.toISOString().replace(/[-:]|\.\d+/g, '')
}

function readQueryClaim(ask: S3Request): SignatureFields {
  const malformed = 'AuthorizationQueryParametersError'
  const need = (name: string) => {
    const value = ask.query.get(name)
    if (!value) throw new S3Error(malformed, `Query-string authentication requires ${name}.`)
    return value
  }
  if (need('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') {
    throw new S3Error(malformed, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const expiresS = Number(need('X-Amz-Expires'))
  if (!Number.isInteger(expiresS)) throw new S3Error(malformed, 'X-Amz-Expires should be a number')
  if (expiresS < 0) throw new S3Error(malformed, 'X-Amz-Expires must be non-negative')
  if (expiresS > presignedMaxS) {
    throw new S3Error(malformed, 'X-Amz-Expires must be less than a week (in seconds); that is, less than 604800')
  }
  return {
    credential: readCredential(need('X-Amz-Credential'), malformed),
    signedHeaders: need('X-Amz-SignedHeaders').split(';'),
    signature: need('X-Amz-Signature'),
    stamp: need('X-Amz-Date'),
    expiresS,
    payloadHash: ask.headers.get('x-amz-content-sha256') ?? ask.query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
    malformed,
  }
}

const presignedMaxS = 7 * 24 * 3600
