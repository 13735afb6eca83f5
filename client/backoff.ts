const firstMs = 500
const longestMs = 10_000

/**
 * How long to wait after so many failures in a row: anything up to a bound that doubles, so that those who were cut off in
 * one moment do not come back in one; never less than the server asks for.
 */
export const backoffMs = (failures: number, retryAfterS = 0): number =>
  retryAfterS * 1_000 + Math.random() * Math.min(longestMs, firstMs * 2 ** failures)
