import { type Upload } from '../../models'

/** How a file is split: parts of equal size, the last one smaller. */
export interface PartPlan {
  partBytes: number
  count: number
  /** Size of part `number`, 1 to `count`. */
  readonly bytesOfPart: (number: number) => number
}

/** Undefined for an upload that uses a single PUT. */
export function partPlan({ partBytes, sizeBytes }: Pick<Upload, 'partBytes' | 'sizeBytes'>): PartPlan | undefined {
  if (partBytes === null) return undefined
  const wholeBytes = Number(sizeBytes)
  const count = Math.ceil(wholeBytes / partBytes)
  return {
    partBytes,
    count,
    bytesOfPart: number => (number < count ? partBytes : wholeBytes - (count - 1) * partBytes),
  }
}
