import { createHash } from 'node:crypto'
import { sign } from './canonical'
import { S3Error } from './errors'
import { type Payload, type SignatureChain } from './payload'
import { Scanner } from './scanner'
import { equalsInConstantTime } from './signature'

/**
 * Decodes the aws-chunked framing: verifies the signature of every signed chunk, and fills `trailers` with the announced
 * trailers before it ends. Yields bytes before their chunk's signature is verified, so do not use them until the iteration
 * has ended without an error.
 */
export async function* decodeChunked(
  source: AsyncIterable<unknown>,
  payload: Extract<Payload, { kind: 'chunked' }>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const scanner = new Scanner(source)
  const chain = payload.chain && new ChunkSignatures(payload.chain)
  for (;;) {
    const { size, signature } = readChunkHeader(await scanner.readLine(headerBytesMax))
    const hash = createHash('sha256')
    const chunk = scanner.readBytes(size)
    let step = await chunk.next()
    for (; step.done !== true; step = await chunk.next()) {
      if (chain) hash.update(step.value)
      yield step.value
    }
    if (!step.value) throw new S3Error('IncompleteBody')
    chain?.checkChunk(hash.digest('hex'), signature)
    if (size === 0) break
    if ((await scanner.readLine(0)) !== '') throw new S3Error('IncompleteBody')
  }
  await readTrailers(scanner, payload.trailerNames, chain, trailers)
}

const headerBytesMax = 4096

function readChunkHeader(line: string | undefined): { size: number; signature: string | undefined } {
  const found = /^([\da-f]{1,12})(?:;chunk-signature=([\da-f]{64}))?$/i.exec(line ?? '')
  if (!found) throw new S3Error('IncompleteBody')
  return { size: Number.parseInt(found[1] ?? '', 16), signature: found[2] }
}

async function readTrailers(
  scanner: Scanner,
  announced: readonly string[],
  chain: ChunkSignatures | undefined,
  trailers: Map<string, string>,
) {
  let signature: string | undefined
  for (let line = await scanner.readLine(headerBytesMax); line; line = await scanner.readLine(headerBytesMax)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'x-amz-trailer-signature') signature = value
    else if (announced.includes(name)) trailers.set(name, value)
    else throw new S3Error('MalformedTrailerError')
  }
  if (announced.some(name => !trailers.has(name))) throw new S3Error('MalformedTrailerError')
  if (announced.length > 0) chain?.checkTrailers(trailers, signature)
  await scanner.drain()
}

class ChunkSignatures {
  readonly #chain: SignatureChain
  #previous: string

  constructor(chain: SignatureChain) {
    this.#chain = chain
    this.#previous = chain.seed
  }

  checkChunk(sha256: string, given: string | undefined) {
    this.#check(['AWS4-HMAC-SHA256-PAYLOAD', ...this.#context(), emptySha256, sha256], given)
  }

  checkTrailers(trailers: ReadonlyMap<string, string>, given: string | undefined) {
    const lines = [...trailers].map(([name, value]) => `${name}:${value}\n`).join('')
    const sha256 = createHash('sha256').update(lines, 'latin1').digest('hex')
    this.#check(['AWS4-HMAC-SHA256-TRAILER', ...this.#context(), sha256], given)
  }

  #context() {
    return [this.#chain.timestamp, this.#chain.scope, this.#previous]
  }

  #check(lines: string[], given: string | undefined) {
    const expected = sign(this.#chain.key, lines.join('\n'))
    if (given === undefined || !equalsInConstantTime(expected, given)) throw new S3Error('SignatureDoesNotMatch')
    this.#previous = expected
  }
}

const emptySha256 = createHash('sha256').digest('hex')
