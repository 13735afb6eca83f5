/** A rank longer than this is the sign to give all items new ones. The table takes 64 characters. */
export const rankLengthMax = 32

/** In the order of their bytes, which is how the database and JavaScript compare. */
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base = digits.length
/** Ends of the list are counted up and down in so many places, so that appending a thousand times adds no length. */
const countedPlaces = 4
const countedMax = base ** countedPlaces

/**
 * A rank between two others; null stands for the end of the list. Ranks are fractions in base 62, compared as text. None
 * ends in 0, so that there is always one between two.
 */
export function rankBetween(before: string | null, after: string | null): string {
  if (before !== null && after !== null) return midpoint(before, after)
  if (before !== null) return counted(before, 1) ?? midpoint(before, null)
  if (after !== null) return counted(after, -1) ?? midpoint('', after)
  return midpoint('', null)
}

/** So many ranks in order, with the same room between any two. */
export function evenRanks(count: number): string[] {
  const step = Math.floor(countedMax / (count + 1))
  return Array.from({ length: count }, (_, index) => withoutFinalZeros(written(step * (index + 1))))
}

/** The next number above or below in the counted places, or undefined when there is none left. */
function counted(rank: string, step: 1 | -1): string | undefined {
  let value = 0
  for (let place = 0; place < countedPlaces; place += 1) value = value * base + digitAt(rank, place)
  do value += step
  while (value % base === 0)
  return value > 0 && value < countedMax ? written(value) : undefined
}

/** As short a rank as there is, near the middle. */
function midpoint(low: string, high: string | null): string {
  let rank = ''
  let ceiling = high
  for (let place = 0; ; place += 1) {
    const from = digitAt(low, place)
    const to = ceiling === null ? base : digitAt(ceiling, place)
    if (to - from > 1) return rank + digitOf((from + to) >> 1)
    rank += digitOf(from)
    // One step apart: whatever follows this digit stays below `high` and need only be above `low`.
    if (to !== from) ceiling = null
  }
}

const digitAt = (rank: string, place: number) => digits.indexOf(rank.charAt(place) || '0')
const digitOf = (value: number) => digits.charAt(value)
const withoutFinalZeros = (rank: string) => rank.replace(/0+$/, '')

function written(value: number): string {
  let rank = ''
  for (let rest = value, place = 0; place < countedPlaces; place += 1, rest = Math.floor(rest / base))
    rank = digitOf(rest % base) + rank
  return rank
}
