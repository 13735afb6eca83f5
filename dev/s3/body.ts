import {
  type Algorithm,
  checksumHeaderName,
  digestBytes,
  type StreamDigests,
  isAlgorithm,
  readAlgorithm,
  StreamDigester,
} from './checksums'
import { decodeChunked } from './chunked-body'
import { S3Error } from './errors'
import { readTrailerNames } from './payload'
import { type AuthenticatedRequest } from './signature'

/** An incoming body. Its iteration throws at the end if its length or a digest differs from what the client sent. */
export interface Body {
  bytes: AsyncIterable<Uint8Array>
  /** The algorithm of the client's checksum, if it sent one. */
  algorithm: Algorithm | undefined
  /** Valid once `bytes` has ended. */
  digests: () => StreamDigests
}

/** Opens the body of a signed request. `compute` names further checksums to compute. */
export function openBody(call: AuthenticatedRequest, compute: Compute = {}): Body {
  const length = contentLength(call)
  const { payload } = call
  const trailers = new Map<string, string>()
  const source = payload.kind === 'chunked' ? decodeChunked(call.body, payload, trailers) : call.body
  const sha256 = payload.kind === 'sha256' ? payload.hex : undefined
  return verifiedBody(source, { ...readExpectedDigests(call), length, sha256 }, compute, trailers)
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

/** What the client says about a body; `trailer` stands for a checksum that follows the body. */
export interface ExpectedDigests {
  length?: number | undefined
  md5?: Buffer | undefined
  sha256?: string | undefined
  checksum?: { algorithm: Algorithm; value: Buffer | 'trailer' } | undefined
}

interface Compute {
  /** Computed if the client sent no checksum. */
  fallback?: Algorithm
  /** Always computed. */
  also?: Algorithm
}

/** A body that is checked against `expected` while it is read; `trailers` are complete when `source` ends. */
export function verifiedBody(
  source: AsyncIterable<unknown>,
  expected: ExpectedDigests,
  compute: Compute,
  trailers: ReadonlyMap<string, string> = new Map(),
): Body {
  const main = expected.checksum?.algorithm ?? compute.fallback
  const wanted = [main, compute.also, expected.sha256 === undefined ? undefined : ('SHA256' as const)]
  const digester = new StreamDigester(wanted.filter(algorithm => algorithm !== undefined))
  let actual: StreamDigests | undefined
  async function* bytes() {
    for await (const chunk of source) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('the body contains something other than bytes')
      digester.update(chunk)
      if (digester.size > objectBytesMax) throw new S3Error('EntityTooLarge')
      yield chunk
    }
    actual = digester.finish()
    checkDigests(expected, actual, trailers)
  }
  return {
    bytes: bytes(),
    algorithm: expected.checksum?.algorithm,
    digests: () => {
      if (!actual) throw new Error('the body has not been read completely')
      return actual
    },
  }
}

/** Reads the expected digests of a body from headers, or from form fields of the same names. */
export function readExpectedDigests({ headers }: { headers: ReadonlyMap<string, string> }): ExpectedDigests {
  const given = headers.get('content-md5')
  const md5 = given === undefined ? undefined : Buffer.from(given, 'base64')
  if (md5 && (md5.length !== 16 || md5.toString('base64') !== given)) throw new S3Error('InvalidDigest')
  const algorithms = [...headers.keys(), ...readTrailerNames(headers)].flatMap(name => algorithmOf(name) ?? [])
  const [algorithm, another] = algorithms
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
  const value = headers.get(checksumHeaderName(algorithm))
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

function algorithmOf(header: string): Algorithm | undefined {
  const name = header.startsWith('x-amz-checksum-') ? header.slice('x-amz-checksum-'.length).toUpperCase() : ''
  return isAlgorithm(name) ? name : undefined
}

function readDigest(algorithm: Algorithm, base64: string): Buffer {
  const digest = Buffer.from(base64, 'base64')
  if (digest.length !== digestBytes[algorithm] || digest.toString('base64') !== base64) {
    throw new S3Error('InvalidRequest', `Value for ${checksumHeaderName(algorithm)} header is invalid.`)
  }
  return digest
}

function checkDigests(expected: ExpectedDigests, actual: StreamDigests, trailers: ReadonlyMap<string, string>) {
  if (expected.length !== undefined && expected.length !== actual.size) throw new S3Error('IncompleteBody')
  const sha256 = actual.checksums.get('SHA256')?.toString('hex')
  if (expected.sha256 !== undefined && expected.sha256 !== sha256) {
    throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
      ClientComputedContentSHA256: expected.sha256,
      S3ComputedContentSHA256: sha256 ?? '',
    })
  }
  if (expected.md5 && !expected.md5.equals(actual.md5)) throw new S3Error('BadDigest')
  if (!expected.checksum) return
  const { algorithm, value } = expected.checksum
  const stated = value === 'trailer' ? readDigest(algorithm, trailers.get(checksumHeaderName(algorithm)) ?? '') : value
  if (!actual.checksums.get(algorithm)?.equals(stated)) {
    throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
  }
}
