/** Batch loader, as in DataLoader: keys requested in the same tick are read in one call to `readAll`. */
export function createBatchLoader<V>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  let batch: { keys: Set<string>; answer: Promise<ReadonlyMap<string, V>> } | undefined
  return async key => {
    if (batch === undefined) {
      const keys = new Set<string>()
      const nextTick = new Promise<void>(resolve => setImmediate(resolve))
      const answer = nextTick.then(() => {
        batch = undefined
        return readAll([...keys])
      })
      batch = { keys, answer }
    }
    batch.keys.add(key)
    return (await batch.answer).get(key)
  }
}
