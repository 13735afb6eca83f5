import {
  type Algorithm,
  checksumHeader,
  digestBytes,
  type StreamDigests,
  isAlgorithm,
  readAlgorithm,
  StreamDigester,
} from './checksums'
import { decodeChunked } from './chunked-body'
import { S3Error } from './errors'
import { type AuthenticatedRequest } from './signature'

/** An incoming body. The iteration throws at its end if a digest that the client sent does not match. */
export interface Body {
  bytes: AsyncIterable<Uint8Array>
  /** The algorithm of the client's checksum, if it sent one. */
  algorithm: Algorithm | undefined
  /** Valid once `bytes` has ended. */
  digests: () => StreamDigests
}

/** Opens the body of a signed request. Computes `also` always, and `fallback` if the client sent no checksum. */
export function openBody(call: AuthenticatedRequest, compute: { fallback?: Algorithm; also?: Algorithm } = {}): Body {
  const length = contentLength(call)
  const claims = readExpectedDigests(call)
  const { payload } = call
  const trailers = new Map<string, string>()
  const source = payload.kind === 'chunked' ? decodeChunked(call.body, payload, trailers) : call.body
  return verifiedBody(
    source,
    { ...claims, length, sha256: payload.kind === 'sha256' ? payload.hex : undefined },
    {
      ...compute,
      trailers,
    },
  )
}

/** Reads a small XML body. Refuses one without a digest if `digestNeeded`. */
export async function readText(call: AuthenticatedRequest, { digestNeeded = false } = {}): Promise<string> {
  const body = openBody(call)
  if (digestNeeded && body.algorithm === undefined && !call.headers.has('content-md5')) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*')
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body.bytes) {
    size += chunk.length
    if (size > textBytesMax) throw new S3Error('MaxMessageLengthExceeded')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

export interface ExpectedDigests {
  length?: number | undefined
  md5?: Buffer | undefined
  sha256?: string | undefined
  checksum?: { algorithm: Algorithm; value: Buffer | 'trailer' } | undefined
}

interface Compute {
  fallback?: Algorithm
  also?: Algorithm
  trailers?: ReadonlyMap<string, string>
}

export function verifiedBody(source: AsyncIterable<unknown>, claims: ExpectedDigests, compute: Compute = {}): Body {
  const main = claims.checksum?.algorithm ?? compute.fallback
  const wanted = [main, compute.also, claims.sha256 === undefined ? undefined : ('SHA256' as const)]
  const digester = new StreamDigester(wanted.filter(algorithm => algorithm !== undefined))
  let facts: StreamDigests | undefined
  async function* bytes() {
    for await (const chunk of source) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('the body contains something other than bytes')
      digester.update(chunk)
      if (digester.size > objectBytesMax) throw new S3Error('EntityTooLarge')
      yield chunk
    }
    facts = digester.finish()
    checkClaims(claims, facts, compute.trailers ?? new Map())
  }
  return {
    bytes: bytes(),
    algorithm: claims.checksum?.algorithm,
    digests: () => {
      if (!facts) throw new Error('the body has not been read completely')
      return facts
    },
  }
}

/** Reads the expected digests of a body from headers, or from form fields of the same names. */
export function readExpectedDigests({ headers }: { headers: ReadonlyMap<string, string> }): ExpectedDigests {
  const given = headers.get('content-md5')
  const md5 = given === undefined ? undefined : Buffer.from(given, 'base64')
  if (md5 && (md5.length !== 16 || md5.toString('base64') !== given)) throw new S3Error('InvalidDigest')
  const stated = [...headers.keys(), ...trailerNames(headers)].flatMap(name => algorithmOf(name) ?? [])
  const [algorithm, another] = stated
  if (another !== undefined) {
    throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple are not allowed.')
  }
  const sdkAlgorithm = readAlgorithm(headers.get('x-amz-sdk-checksum-algorithm'))
  if (sdkAlgorithm !== undefined && sdkAlgorithm !== algorithm) {
    throw new S3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    )
  }
  if (algorithm === undefined) return { md5 }
  const value = headers.get(checksumHeader(algorithm))
  return { md5, checksum: { algorithm, value: value === undefined ? 'trailer' : readDigest(algorithm, value) } }
}

const textBytesMax = 8 * 1024 ** 2
const objectBytesMax = 5 * 1024 ** 3

function contentLength({ headers, payload }: AuthenticatedRequest): number | undefined {
  const name = payload.kind === 'chunked' ? 'x-amz-decoded-content-length' : 'content-length'
  const given = headers.get(name)
  // A request without a body has neither a length nor a transfer encoding.
  if (given === undefined && (payload.kind === 'chunked' || headers.has('transfer-encoding'))) {
    throw new S3Error('MissingContentLength')
  }
  if (given === undefined) return 0
  if (!/^\d{1,15}$/.test(given)) throw new S3Error('InvalidArgument', `${name} is not a number`)
  if (Number(given) > objectBytesMax) throw new S3Error('EntityTooLarge')
  return Number(given)
}

const trailerNames = (headers: ReadonlyMap<string, string>) =>
  (headers.get('x-amz-trailer') ?? '').split(',').map(name => name.trim().toLowerCase())

function algorithmOf(header: string): Algorithm | undefined {
  const name = header.startsWith('x-amz-checksum-') ? header.slice('x-amz-checksum-'.length).toUpperCase() : ''
  return isAlgorithm(name) ? name : undefined
}

function readDigest(algorithm: Algorithm, base64: string): Buffer {
  const digest = Buffer.from(base64, 'base64')
  if (digest.length !== digestBytes[algorithm] || digest.toString('base64') !== base64) {
    throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`)
  }
  return digest
}

function checkClaims(claims: ExpectedDigests, facts: StreamDigests, trailers: ReadonlyMap<string, string>) {
  if (claims.length !== undefined && claims.length !== facts.size) throw new S3Error('IncompleteBody')
  const sha256 = facts.checksums.get('SHA256')?.toString('hex')
  if (claims.sha256 !== undefined && claims.sha256 !== sha256) {
    throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
      ClientComputedContentSHA256: claims.sha256,
      S3ComputedContentSHA256: sha256 ?? '',
    })
  }
  if (claims.md5 && !claims.md5.equals(facts.md5)) throw new S3Error('BadDigest')
  if (!claims.checksum) return
  const { algorithm, value } = claims.checksum
  const stated = value === 'trailer' ? readDigest(algorithm, trailers.get(checksumHeader(algorithm)) ?? '') : value
  if (!facts.checksums.get(algorithm)?.equals(stated)) {
    throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
  }
}
