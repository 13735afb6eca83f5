import { Refusal } from './errors'

/** What `x-amz-content-sha256` says about the body: nothing, its digest, or that it comes in signed or plain chunks. */
export type Payload =
  | { kind: 'unsigned' }
  | { kind: 'sha256'; hex: string }
  | { kind: 'chunked'; chain: SignatureChain | undefined; trailers: string[] }

/** Each chunk signs its predecessor's signature, beginning with the request's own. */
export interface SignatureChain {
  key: Buffer
  stamp: string
  scope: string
  seed: string
}

export function readPayload(hash: string, chain: SignatureChain, headers: ReadonlyMap<string, string>): Payload {
  if (/^[\da-f]{64}$/i.test(hash)) return { kind: 'sha256', hex: hash.toLowerCase() }
  const trailers = (headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
  switch (hash) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', chain: undefined, trailers }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', chain, trailers: [] }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', chain, trailers }
    default:
      throw new Refusal(
        'InvalidArgument',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING values, or a valid sha256 value.',
        { ArgumentName: 'x-amz-content-sha256', ArgumentValue: hash },
      )
  }
}
