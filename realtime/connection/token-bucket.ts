export interface Rate {
  perSecond: number
  burst: number
}

/**
 * A token bucket in one number, the theoretical arrival time of GCRA in epoch milliseconds: when everything taken so far is
 * worked off at the allowed rate. It may be ahead of now by the length of a burst.
 */
export type BusyUntil = number

/** Takes `count` tokens: `waitMs` is 0, or the time until there are as many; then nothing is taken. */
export function takeTokens(
  busyUntil: BusyUntil,
  { perSecond, burst }: Rate,
  now: number,
  count = 1,
): { busyUntil: BusyUntil; waitMs: number } {
  const eachMs = 1_000 / perSecond
  // A clock set back must not close the bucket for longer than a burst.
  const from = Math.min(Math.max(busyUntil, now), now + burst * eachMs)
  const until = from + count * eachMs
  const waitMs = Math.ceil(until - now - burst * eachMs)
  return waitMs > 0 ? { busyUntil: from, waitMs } : { busyUntil: until, waitMs: 0 }
}
