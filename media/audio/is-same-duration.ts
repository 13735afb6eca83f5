/** How far the duration of a derived file may deviate from the decoded one; beyond that an encode or copy failed. */
const deviationMsMax = 500
const deviationShareMax = 0.001

export const isSameDuration = (actualMs: number, decodedMs: number): boolean =>
  Math.abs(actualMs - decodedMs) <= deviationMsMax + decodedMs * deviationShareMax
