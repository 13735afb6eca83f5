/** Batch loader, as in DataLoader: keys requested in the same tick are read in one call to `readAll`. */
export function createBatchLoader<V>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  const load = gatherMany(readAll)
  return async key => (await load([key])).get(key)
}

/**
 * Batch loader for requests with several keys each. Requests of the same tick share one result, which therefore may contain
 * more than the requested keys.
 */
export function gatherMany<Result>(
  readAll: (keys: readonly string[]) => Promise<Result>,
): (keys: readonly string[]) => Promise<Result> {
  let batch: { keys: Set<string>; result: Promise<Result> } | undefined
  return keys => {
    if (batch === undefined) {
      const all = new Set<string>()
      const nextTick = new Promise<void>(resolve => setImmediate(resolve))
      const result = nextTick.then(() => {
        batch = undefined
        return readAll([...all])
      })
      batch = { keys: all, result }
    }
    for (const key of keys) batch.keys.add(key)
    return batch.result
  }
}

/** Batches requests that write, without deduplication. `runAll` returns the results in the order of the requests. */
export function gatherEach<Request, Result>(
  runAll: (requests: readonly Request[]) => Promise<readonly Result[]>,
): (request: Request) => Promise<Result> {
  let batch: { requests: Request[]; results: Promise<readonly Result[]> } | undefined
  return async request => {
    if (batch === undefined) {
      const all: Request[] = []
      const nextTick = new Promise<void>(resolve => setImmediate(resolve))
      const results = nextTick.then(() => {
        batch = undefined
        return runAll(all)
      })
      batch = { requests: all, results }
    }
    const { requests, results } = batch
    const index = requests.push(request) - 1
    return (await results)[index] as Result
  }
}
