/** How much shorter or longer than what was heard something made of it may be: beyond that something went wrong. */
const deviationMsMax = 500
const deviationShareMax = 0.001

export const isAsLong = (madeMs: number, heardMs: number): boolean =>
  Math.abs(madeMs - heardMs) <= deviationMsMax + heardMs * deviationShareMax
