/** Peaks stored per track; coarser waveforms are derived from them. */
export const peaksMax = 3_200
/** Buckets kept while decoding: at least ten per peak, so that rounding at their borders does not show. */
const bucketsMax = 32_000

/**
 * Collects the peaks of audio of unknown length in constant memory: when the buckets are full, merges each pair and
 * doubles the bucket length.
 */
export function createPeakCollector() {
  const buckets = new Uint16Array(bucketsMax)
  let used = 0
  let bucketSamples = 1
  let inBucket = 0
  let loudest = 0
  let samples = 0
  let pendingByte: number | undefined

  function close(): void {
    if (used === bucketsMax) {
      for (let index = 0; index < bucketsMax / 2; index += 1)
        buckets[index] = Math.max(buckets[2 * index] ?? 0, buckets[2 * index + 1] ?? 0)
      used /= 2
      bucketSamples *= 2
      // The current bucket is half of a longer one now.
      return
    }
    buckets[used] = loudest
    used += 1
    inBucket = 0
    loudest = 0
  }

  function addSample(sample: number): void {
    if (inBucket === bucketSamples) close()
    const loudness = Math.abs(sample)
    if (loudness > loudest) loudest = loudness
    inBucket += 1
    samples += 1
  }

  return {
    /** Signed 16-bit little-endian mono samples; a chunk may end within a sample. */
    add(chunk: Buffer): void {
      let at = 0
      if (pendingByte !== undefined && chunk.length > 0) {
        addSample(Buffer.of(pendingByte, chunk[0] ?? 0).readInt16LE())
        at = 1
        pendingByte = undefined
      }
      for (; at + 1 < chunk.length; at += 2) addSample(chunk.readInt16LE(at))
      if (at < chunk.length) pendingByte = chunk[at]
    },

    sampleCount: (): number => samples,

    /** The peaks so far, 0 to 255, evenly spaced. */
    finish(): Buffer {
      const all = [...buckets.subarray(0, used), ...(inBucket > 0 ? [loudest] : [])]
      return Buffer.from(maxima(all, peaksMax).map(peak => Math.min(255, Math.round((peak / 32_767) * 255))))
    },
  }
}

/** Reduces peaks to at most `points`. */
export const downsamplePeaks = (peaks: Buffer, points: number): Buffer => Buffer.from(maxima([...peaks], points))

/** The maxima of at most `countMax` equal shares of the values. */
function maxima(values: readonly number[], countMax: number): number[] {
  const count = Math.min(countMax, values.length)
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * values.length) / count)
    const to = Math.floor(((index + 1) * values.length) / count)
    return Math.max(...values.slice(from, to))
  })
}
