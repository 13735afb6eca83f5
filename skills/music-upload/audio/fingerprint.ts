/** So much of the beginning is compared: what AcoustID takes too. */
export const fingerprintSeconds = 120
/** About five seconds after the first three: below, everything resembles something. */
const wordsMin = 40
/** What stays the same all along (silence, one tone) tells nothing. */
const differentWordsMin = 16
/** Of so many words the index knows. */
const keyWordsMax = 128
/**
 * Bits that may differ. Encoded again as AAC, Opus, Vorbis or MP3 a piece differs in 0.3 to 4 %, shifted by a third of a
 * second in 2 %; two pieces differ in 50 %, and a piece shifted by one word too many in 13 %.
 */
const differenceMax = 0.12
/** Less in common than this is a sample, not the same recording. */
const overlapShareMin = 0.6

/** As chromaprint writes it: a 32-bit word for every eighth of a second. Null where it says too little to compare. */
export function readFingerprint(raw: Buffer): Uint32Array | null {
  const words = Uint32Array.from({ length: Math.floor(raw.length / 4) }, (_, index) => raw.readUInt32LE(index * 4))
  return words.length < wordsMin || new Set(words).size < differentWordsMin ? null : words
}

/**
 * The words to find candidates by: of all of them those with the smallest hashes, so that of two that have most words in
 * common the same are chosen. Signed, as PostgreSQL's integers are.
 */
export function keyWords(words: Uint32Array): number[] {
  const byHash = [...new Set(words)].sort((a, b) => mix(a) - mix(b))
  return byHash.slice(0, keyWordsMax).map(word => word | 0)
}

/** The share of bits that differ where both lie best on each other; null when they are not the same recording. */
export function differenceOf(one: Uint32Array, other: Uint32Array): number | null {
  const shift = bestShift(one, other)
  if (shift === undefined) return null
  const from = Math.max(0, -shift)
  const to = Math.min(other.length, one.length - shift)
  if (to - from < Math.max(wordsMin, overlapShareMin * Math.min(one.length, other.length))) return null
  if (new Set(other.subarray(from, to)).size < differentWordsMin) return null
  let bits = 0
  for (let index = from; index < to; index += 1) bits += ones((one[index + shift] ?? 0) ^ (other[index] ?? 0))
  const difference = bits / (32 * (to - from))
  return difference <= differenceMax ? difference : null
}

/** How far `one` is ahead where most words are equal. */
function bestShift(one: Uint32Array, other: Uint32Array): number | undefined {
  const places = placesOf(one)
  const votes = new Map<number, number>()
  for (const [index, word] of other.entries())
    for (const place of places.get(word) ?? []) votes.set(place - index, (votes.get(place - index) ?? 0) + 1)
  const [best] = [...votes].sort(([a, votesA], [b, votesB]) => votesB - votesA || Math.abs(a) - Math.abs(b))
  return best?.[0]
}

function placesOf(words: Uint32Array): Map<number, number[]> {
  const places = new Map<number, number[]>()
  for (const [index, word] of words.entries()) {
    const known = places.get(word)
    if (known === undefined) places.set(word, [index])
    else known.push(index)
  }
  return places
}

/** The finalizer of MurmurHash3: neighbouring words get unrelated numbers. */
function mix(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
