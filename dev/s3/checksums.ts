import { createHash } from 'node:crypto'
import { type CrcName, combineCrc, startCrc } from './crc'
import { S3Error } from './errors'

export type Algorithm = CrcName | 'SHA1' | 'SHA256'

/** A stored checksum: `value` is base64, of the whole object or, if composite, of its parts' checksums with suffix `-N`. */
export interface Checksum {
  algorithm: Algorithm
  type: 'FULL_OBJECT' | 'COMPOSITE'
  value: string
}

export interface Hasher {
  update: (chunk: Uint8Array) => void
  digest: () => Buffer
}

/** The algorithm that S3 uses when the client names none. */
export const defaultAlgorithm = 'CRC64NVME'

export const digestBytes: Record<Algorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }

export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(digestBytes, name)
}

export function readAlgorithm(name: string | undefined): Algorithm | undefined {
  if (name === undefined) return undefined
  const upper = name.toUpperCase()
  if (isAlgorithm(upper)) return upper
  throw new S3Error('InvalidRequest', `Checksum algorithm provided is unsupported: ${name}`)
}

export const checksumHeaderName = (algorithm: Algorithm) => `x-amz-checksum-${algorithm.toLowerCase()}`
export const checksumElementName = (algorithm: Algorithm) => `Checksum${algorithm}`

export function checksumHeaders({ algorithm, type, value }: Checksum): Record<string, string> {
  return { [checksumHeaderName(algorithm)]: value, 'x-amz-checksum-type': type }
}

export function fullChecksum(algorithm: Algorithm, checksums: ReadonlyMap<Algorithm, Buffer>): Checksum {
  return { algorithm, type: 'FULL_OBJECT', value: checksums.get(algorithm)?.toString('base64') ?? '' }
}

/** Computes size, MD5 and the requested checksums of a stream in one pass. */
export class StreamDigester {
  readonly #md5 = createHash('md5')
  readonly #hashers: Map<Algorithm, Hasher>
  size = 0

  constructor(algorithms: Iterable<Algorithm>) {
    this.#hashers = new Map([...algorithms].map(algorithm => [algorithm, startHasher(algorithm)]))
  }

  update(chunk: Uint8Array) {
    this.size += chunk.length
    this.#md5.update(chunk)
    for (const hasher of this.#hashers.values()) hasher.update(chunk)
  }

  finish(): StreamDigests {
    const checksums = new Map([...this.#hashers].map(([algorithm, hasher]) => [algorithm, hasher.digest()]))
    return { size: this.size, md5: this.#md5.digest(), checksums }
  }
}

export interface StreamDigests {
  size: number
  md5: Buffer
  checksums: ReadonlyMap<Algorithm, Buffer>
}

/** Combines part checksums into the object's: FULL_OBJECT combines CRCs, COMPOSITE is a checksum of the checksums. */
export function combineChecksums(
  algorithm: Algorithm,
  type: Checksum['type'],
  parts: readonly { digest: Buffer; size: number }[],
): Checksum {
  if (type === 'COMPOSITE' || algorithm === 'SHA1' || algorithm === 'SHA256') {
    const hasher = startHasher(algorithm)
    for (const part of parts) hasher.update(part.digest)
    return { algorithm, type: 'COMPOSITE', value: `${hasher.digest().toString('base64')}-${parts.length}` }
  }
  const empty = startCrc(algorithm).digest()
  const whole = parts.reduce((sum, part) => combineCrc(algorithm, sum, part.digest, part.size), empty)
  return { algorithm, type, value: whole.toString('base64') }
}

function startHasher(algorithm: Algorithm): Hasher {
  switch (algorithm) {
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm.toLowerCase())
      return { update: chunk => void hash.update(chunk), digest: () => hash.digest() }
    }
    default:
      return startCrc(algorithm)
  }
}
