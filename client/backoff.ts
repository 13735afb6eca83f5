const firstMs = 500
const longestMs = 10_000

/**
 * Exponential back-off with full jitter: a random wait up to a bound that doubles with each failure, from 500 ms to 10 s, so that clients
 * cut off together do not reconnect together. Added to the server's `retryAfter`.
 */
export const backoffMs = (failures: number, retryAfterS = 0): number =>
  retryAfterS * 1_000 + Math.random() * Math.min(longestMs, firstMs * 2 ** failures)
