const sampleEveryMs = 5
/** Twenty minutes of samples, to bound the memory. */
const samplesMax = 240_000

let samples: number[] = []
let timer: NodeJS.Timeout | undefined

/** Event loop lag since the last call. Sampling starts with the first call. */
export async function readEventLoopLag(): Promise<number[]> {
  let lastAt = performance.now()
  timer ??= setInterval(() => {
    const now = performance.now()
    if (samples.length < samplesMax) samples.push(Math.max(now - lastAt - sampleEveryMs, 0))
    lastAt = now
  }, sampleEveryMs).unref()
  const taken = samples
  samples = []
  return taken
}
