const quietMs = 1_000

/** Says what is under way when it takes longer than a second, and how long it took in the end; or that it failed. */
export async function showing<T>(what: string, work: Promise<T>, say: (line: string) => void): Promise<T> {
  const startedAt = performance.now()
  const timer = setTimeout(() => say(`${what} …`), quietMs)
  try {
    const result = await work
    const tookMs = performance.now() - startedAt
    if (tookMs > quietMs) say(`${what}: ${(tookMs / 1000).toFixed(1)} s`)
    return result
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
