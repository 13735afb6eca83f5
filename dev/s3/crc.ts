import { crc32 } from 'node:zlib'
import { type Hasher } from './checksums'

export type CrcName = 'CRC32' | 'CRC32C' | 'CRC64NVME'

/** A running CRC; the digest is big-endian, 4 or 8 bytes. */
export function startCrc(name: CrcName): Hasher {
  switch (name) {
    case 'CRC32':
      return startCrc32()
    case 'CRC32C':
      return startTableCrc(crc32cTable, 4)
    case 'CRC64NVME':
      return startTableCrc(crc64Table, 8)
  }
}

/** The CRC of two concatenated byte sequences, from their CRCs and the length of the second. */
export function combineCrc(name: CrcName, first: Buffer, second: Buffer, secondBytes: number): Buffer {
  const { width, polynomial } = parameters[name]
  // Multiplies two polynomials over GF(2), modulo the polynomial of the CRC.
  const multiply = (a: bigint, b: bigint) => {
    let product = 0n
    for (let bit = 1n << BigInt(width - 1), term = b; bit > 0n; bit >>= 1n) {
      if (a & bit) product ^= term
      term = term & 1n ? (term >> 1n) ^ polynomial : term >> 1n
    }
    return product
  }
  // Appending n zero bytes multiplies the remainder by x^(8n); bits are reflected, so x^0 is the top bit.
  let shift = 1n << BigInt(width - 1)
  let square = 1n << BigInt(width - 2)
  for (let power = BigInt(secondBytes) * 8n; power > 0n; power >>= 1n) {
    if (power & 1n) shift = multiply(square, shift)
    square = multiply(square, square)
  }
  const combined = multiply(shift, toBigInt(first)) ^ toBigInt(second)
  return Buffer.from(combined.toString(16).padStart(width / 4, '0'), 'hex')
}

const parameters: Record<CrcName, { width: number; polynomial: bigint }> = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
}

const toBigInt = (digest: Buffer) => BigInt(`0x${digest.toString('hex')}`)

interface Table {
  high: Uint32Array
  low: Uint32Array
}

const crc32cTable = makeTable(parameters.CRC32C.polynomial)
const crc64Table = makeTable(parameters.CRC64NVME.polynomial)

function makeTable(polynomial: bigint): Table {
  const table = { high: new Uint32Array(256), low: new Uint32Array(256) }
  for (let byte = 0; byte < 256; byte++) {
    let remainder = BigInt(byte)
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1n ? (remainder >> 1n) ^ polynomial : remainder >> 1n
    table.high[byte] = Number(remainder >> 32n)
    table.low[byte] = Number(remainder & 0xffffffffn)
  }
  return table
}

function startCrc32(): Hasher {
  let value = 0
  return {
    update: chunk => {
      value = crc32(chunk, value)
    },
    digest: () => {
      const digest = Buffer.alloc(4)
      digest.writeUInt32BE(value)
      return digest
    },
  }
}

// Uses two 32-bit halves, because BigInt in the inner loop is about 50 times slower.
function startTableCrc(table: Table, bytes: 4 | 8): Hasher {
  const { high: highs, low: lows } = table
  let high = bytes === 8 ? 0xffffffff : 0
  let low = 0xffffffff
  return {
    update: chunk => {
      for (const byte of chunk) {
        const index = (low ^ byte) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ (lows[index] ?? 0)
        high = (high >>> 8) ^ (highs[index] ?? 0)
      }
    },
    digest: () => {
      const digest = Buffer.alloc(8)
      digest.writeUInt32BE(~high >>> 0, 0)
      digest.writeUInt32BE(~low >>> 0, 4)
      return digest.subarray(8 - bytes)
    },
  }
}
