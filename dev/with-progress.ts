const silentMs = 1_000

/** Logs the task's name once it takes longer than a second, and its duration at the end. Adds the name to its error. */
export async function withProgress<T>(name: string, work: Promise<T>, log: (line: string) => void): Promise<T> {
  const startedAt = performance.now()
  const timer = setTimeout(() => log(`${name} …`), silentMs)
  try {
    const result = await work
    const tookMs = performance.now() - startedAt
    if (tookMs > silentMs) log(`${name}: ${(tookMs / 1000).toFixed(1)} s`)
    return result
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
