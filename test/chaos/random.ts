/** A seeded random number generator, so that a run can be repeated as far as timing allows. */
export interface Random {
  /** A number from 0 to 1 (exclusive). */
  next(): number
  /** A whole number from `least` to `limit` (exclusive). */
  between(least: number, limit: number): number
  pick<T>(items: readonly T[]): T
}

/** mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, limit: number) => least + Math.floor(next() * (limit - least))
  return {
    next,
    between,
    pick(items) {
      const [item] = items.slice(between(0, items.length))
      if (item === undefined) throw new Error('cannot pick from an empty list')
      return item
    },
  }
}
