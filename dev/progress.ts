const quietMs = 1_000

/** Says what is under way when it takes longer than a second, and how long it took in the end. */
export async function showing<T>(what: string, work: Promise<T>, say: (line: string) => void): Promise<T> {
  const startedAt = performance.now()
  let shown = false
  const timer = setInterval(() => {
    if (!shown) say(`${what} …`)
    shown = true
  }, quietMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (shown) say(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }
}
