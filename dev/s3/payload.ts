import { S3Error } from './errors'

/** The payload type in `x-amz-content-sha256`: unsigned, a digest, or aws-chunked with or without signatures. */
export type Payload =
  | { kind: 'unsigned' }
  | { kind: 'sha256'; hex: string }
  | { kind: 'chunked'; chain: SignatureChain | undefined; trailerNames: string[] }

/** Each chunk's signature covers the previous one; the first covers the request's signature (`seed`). */
export interface SignatureChain {
  key: Buffer
  timestamp: string
  scope: string
  seed: string
}

export function readPayload(hash: string, chain: SignatureChain, headers: ReadonlyMap<string, string>): Payload {
  if (/^[\da-f]{64}$/i.test(hash)) return { kind: 'sha256', hex: hash.toLowerCase() }
  const trailerNames = readTrailerNames(headers)
  switch (hash) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', chain: undefined, trailerNames }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', chain, trailerNames: [] }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', chain, trailerNames }
    default:
      throw new S3Error(
        'InvalidArgument',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING values, or a valid sha256 value.',
        { ArgumentName: 'x-amz-content-sha256', ArgumentValue: hash },
      )
  }
}

/** The trailers that the client announces in `x-amz-trailer`, in lower case. */
export function readTrailerNames(headers: ReadonlyMap<string, string>): string[] {
  return (headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
}
