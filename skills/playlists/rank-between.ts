/** Longer ranks trigger a rebalancing of all items. The column holds 64 characters. */
export const rankLengthMax = 32

/** In byte order, as the database and JavaScript compare text. */
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base = digits.length
/** Ranks at both ends of the list are counters of this many digits, so that appending a thousand items adds no length. */
const counterDigits = 4
const counterMax = base ** counterDigits

/**
 * A rank between two others; null is the start or end of the list. Ranks are base-62 fractions, compared as text. None ends
 * in 0, so that there is always a rank between two.
 */
export function rankBetween(before: string | null, after: string | null): string {
  if (before !== null && after !== null) return midpoint(before, after)
  if (before !== null) return stepped(before, 1) ?? midpoint(before, null)
  if (after !== null) return stepped(after, -1) ?? midpoint('', after)
  return midpoint('', null)
}

/** `count` ranks in order, evenly spaced. */
export function evenRanks(count: number): string[] {
  const step = Math.floor(counterMax / (count + 1))
  return Array.from({ length: count }, (_, index) => withoutTrailingZeros(formatCounter(step * (index + 1))))
}

/** The next counter above or below, or undefined when the counter is exhausted. */
function stepped(rank: string, step: 1 | -1): string | undefined {
  let value = 0
  for (let index = 0; index < counterDigits; index += 1) value = value * base + digitAt(rank, index)
  do value += step
  while (value % base === 0)
  return value > 0 && value < counterMax ? formatCounter(value) : undefined
}

/** The shortest rank between the two, near the middle. */
function midpoint(low: string, high: string | null): string {
  let rank = ''
  let ceiling = high
  for (let index = 0; ; index += 1) {
    const from = digitAt(low, index)
    const to = ceiling === null ? base : digitAt(ceiling, index)
    if (to - from > 1) return rank + digitOf((from + to) >> 1)
    rank += digitOf(from)
    // The digits differ by one: all ranks with this prefix are below `high`, so only `low` still limits the rest.
    if (to !== from) ceiling = null
  }
}

const digitAt = (rank: string, index: number) => digits.indexOf(rank.charAt(index) || '0')
const digitOf = (value: number) => digits.charAt(value)
const withoutTrailingZeros = (rank: string) => rank.replace(/0+$/, '')

function formatCounter(value: number): string {
  let rank = ''
  for (let rest = value, index = 0; index < counterDigits; index += 1, rest = Math.floor(rest / base))
    rank = digitOf(rest % base) + rank
  return rank
}
