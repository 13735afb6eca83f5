const sampleEveryMs = 5
/** Twenty minutes: whoever never asks again costs no more. */
const samplesMax = 240_000

let samples: number[] = []
let timer: NodeJS.Timeout | undefined

/** By how much the event loop was late since the last question. What it costs to know is paid from the first one on. */
export async function lateness(): Promise<number[]> {
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
