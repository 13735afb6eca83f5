import { type S3Request } from './request'
import { type MalformedCode, readCredential, type Credential } from './credential'
import { S3Error } from './errors'

/** The signature fields of a request, parsed but not verified. */
export interface SignatureFields {
  credential: Credential
  signedHeaders: string[]
  signature: string
  /** YYYYMMDDTHHMMSSZ */
  timestamp: string
  /** Only presigned URLs have one. */
  expiresS?: number
  payloadHash: string
  /** The error if one of these fields is invalid. */
  malformedCode: MalformedCode
}

/** Parses the signature fields from the Authorization header or the query; AccessDenied for an anonymous request. */
export function readSignatureFields(request: S3Request): SignatureFields {
  const authorization = request.headers.get('authorization')
  const presigned = request.query.has('X-Amz-Algorithm') || request.query.has('X-Amz-Signature')
  if (authorization !== undefined && presigned) {
    throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed.')
  }
  if (authorization !== undefined) return readHeaderFields(request, authorization)
  if (presigned) return readQueryFields(request)
  throw new S3Error('AccessDenied')
}

function readHeaderFields(request: S3Request, authorization: string): SignatureFields {
  const malformedCode = 'AuthorizationHeaderMalformed'
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
    if (!value) throw new S3Error(malformedCode, `The authorization header requires ${name}.`)
    return value
  }
  const payloadHash = request.headers.get('x-amz-content-sha256')
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  return {
    credential: readCredential(need('Credential'), malformedCode),
    signedHeaders: need('SignedHeaders').split(';'),
    signature: need('Signature'),
    timestamp: headerTimestamp(request),
    payloadHash,
    malformedCode,
  }
}

function headerTimestamp(request: S3Request): string {
  const timestamp = request.headers.get('x-amz-date')
  if (timestamp !== undefined) return timestamp
  const date = new Date(request.headers.get('date') ?? '')
  if (Number.isNaN(date.getTime())) throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date header')
  return date.toISOString().replace(/[-:]|\.\d+/g, '')
}

function readQueryFields(request: S3Request): SignatureFields {
  const malformedCode = 'AuthorizationQueryParametersError'
  const need = (name: string) => {
    const value = request.query.get(name)
    if (!value) throw new S3Error(malformedCode, `Query-string authentication requires ${name}.`)
    return value
  }
  if (need('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') {
    throw new S3Error(malformedCode, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const expiresS = Number(need('X-Amz-Expires'))
  if (!Number.isInteger(expiresS)) throw new S3Error(malformedCode, 'X-Amz-Expires should be a number')
  if (expiresS < 0) throw new S3Error(malformedCode, 'X-Amz-Expires must be non-negative')
  if (expiresS > presignedMaxS) {
    throw new S3Error(malformedCode, 'X-Amz-Expires must be less than a week (in seconds); that is, less than 604800')
  }
  return {
    credential: readCredential(need('X-Amz-Credential'), malformedCode),
    signedHeaders: need('X-Amz-SignedHeaders').split(';'),
    signature: need('X-Amz-Signature'),
    timestamp: need('X-Amz-Date'),
    expiresS,
    payloadHash:
      request.headers.get('x-amz-content-sha256') ?? request.query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
    malformedCode,
  }
}

const presignedMaxS = 7 * 24 * 3600
