/** The first two minutes are compared, as AcoustID does. */
export const fingerprintSeconds = 120
/** Minimum length, about five seconds after the first three: shorter fingerprints match too much. */
const wordsMin = 40
/** Silence and constant tones have no distinctive words. */
const differentWordsMin = 16
/** Words per fingerprint in the index. */
const keyWordsMax = 128
/**
 * Largest share of differing bits. Measured: 0.3 to 4 % after re-encoding as AAC, Opus, Vorbis or MP3, 2 % with a
 * shift of a third of a second, 13 % with a misalignment of one word, 50 % between different pieces.
 */
const differenceMax = 0.12
/** A smaller overlap is a sample, not the same recording. */
const overlapShareMin = 0.6

/**
 * Parses chromaprint's raw format: a 32-bit word for every eighth of a second. Null when it is too short or too
 * uniform to compare.
 */
export function parseFingerprint(raw: Buffer): Uint32Array | null {
  const words = Uint32Array.from({ length: Math.floor(raw.length / 4) }, (_, index) => raw.readUInt32LE(index * 4))
  return words.length < wordsMin || new Set(words).size < differentWordsMin ? null : words
}

/**
 * The words to find candidates by: those with the smallest hashes (min-wise sampling), so that two fingerprints that
 * share most words choose the same ones. Signed, as PostgreSQL's integers are.
 */
export function keyWords(words: Uint32Array): number[] {
  const byHash = [...new Set(words)].sort((a, b) => mix(a) - mix(b))
  return byHash.slice(0, keyWordsMax).map(word => word | 0)
}

/** The share of bits that differ in the best alignment; null when these are different recordings. */
export function fingerprintDifference(one: Uint32Array, other: Uint32Array): number | null {
  const shift = bestShift(one, other)
  if (shift === undefined) return null
  const from = Math.max(0, -shift)
  const to = Math.min(other.length, one.length - shift)
  if (to - from < Math.max(wordsMin, overlapShareMin * Math.min(one.length, other.length))) return null
  if (new Set(other.subarray(from, to)).size < differentWordsMin) return null
  let bits = 0
  for (let index = from; index < to; index += 1) bits += countOnes((one[index + shift] ?? 0) ^ (other[index] ?? 0))
  const difference = bits / (32 * (to - from))
  return difference <= differenceMax ? difference : null
}

/** The shift of `one` against `other` at which most words are equal. */
function bestShift(one: Uint32Array, other: Uint32Array): number | undefined {
  const positions = positionsOf(one)
  const votes = new Map<number, number>()
  for (const [index, word] of other.entries())
    for (const position of positions.get(word) ?? [])
      votes.set(position - index, (votes.get(position - index) ?? 0) + 1)
  const [best] = [...votes].sort(([a, votesA], [b, votesB]) => votesB - votesA || Math.abs(a) - Math.abs(b))
  return best?.[0]
}

function positionsOf(words: Uint32Array): Map<number, number[]> {
  const positions = new Map<number, number[]>()
  for (const [index, word] of words.entries()) {
    const known = positions.get(word)
    if (known === undefined) positions.set(word, [index])
    else known.push(index)
  }
  return positions
}

/** The finalizer of MurmurHash3, which decorrelates similar words. */
function mix(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function countOnes(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
