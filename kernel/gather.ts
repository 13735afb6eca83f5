/** Questions of one tick are asked together: many who come at once cost one query. */
export function gather<V>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  let asked: { keys: Set<string>; answer: Promise<ReadonlyMap<string, V>> } | undefined
  return async key => {
    if (asked === undefined) {
      const keys = new Set<string>()
      const ticked = new Promise<void>(resolve => setImmediate(resolve))
      const answer = ticked.then(() => {
        asked = undefined
        return readAll([...keys])
      })
      asked = { keys, answer }
    }
    asked.keys.add(key)
    return (await asked.answer).get(key)
  }
}
