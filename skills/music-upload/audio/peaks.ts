/** As fine as it is kept; coarser ones are made of it. */
export const peaksMax = 3_200
/** Fine stretches kept while listening. Ten for each peak at most, so that rounding their borders does not show. */
const stretchesMax = 32_000

/**
 * The loudest moments of a sound of unknown length, in memory that does not grow with it: when the stretches run out,
 * each two neighbours become one and stretches are twice as long from then on.
 */
export function createPeaks() {
  const stretches = new Uint16Array(stretchesMax)
  let used = 0
  let stretchSamples = 1
  let inStretch = 0
  let loudest = 0
  let samples = 0
  let odd: number | undefined

  function close(): void {
    if (used === stretchesMax) {
      for (let index = 0; index < stretchesMax / 2; index += 1)
        stretches[index] = Math.max(stretches[2 * index] ?? 0, stretches[2 * index + 1] ?? 0)
      used /= 2
      stretchSamples *= 2
      // The stretch under way has been half of a new one.
      return
    }
    stretches[used] = loudest
    used += 1
    inStretch = 0
    loudest = 0
  }

  function hear(sample: number): void {
    if (inStretch === stretchSamples) close()
    const loudness = Math.abs(sample)
    if (loudness > loudest) loudest = loudness
    inStretch += 1
    samples += 1
  }

  return {
    /** Signed 16-bit little-endian samples of one channel; a chunk may end within a sample. */
    add(chunk: Buffer): void {
      let at = 0
      if (odd !== undefined && chunk.length > 0) {
        hear(Buffer.of(odd, chunk[0] ?? 0).readInt16LE())
        at = 1
        odd = undefined
      }
      for (; at + 1 < chunk.length; at += 2) hear(chunk.readInt16LE(at))
      if (at < chunk.length) odd = chunk[at]
    },

    sampleCount: (): number => samples,

    /** The peaks so far, 0 to 255, evenly spread over the sound. */
    finish(): Buffer {
      const all = [...stretches.subarray(0, used), ...(inStretch > 0 ? [loudest] : [])]
      const count = Math.min(peaksMax, all.length)
      return Buffer.from(
        Array.from({ length: count }, (_, index) => {
          const from = Math.floor((index * all.length) / count)
          const to = Math.floor(((index + 1) * all.length) / count)
          return Math.min(255, Math.round((Math.max(...all.slice(from, to)) / 32_767) * 255))
        }),
      )
    },
  }
}
