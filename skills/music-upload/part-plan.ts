import { type Upload } from '../../models'

/** How a file is cut: all parts are as large as each other, the last one is what is left. */
export interface PartPlan {
  partBytes: number
  count: number
  /** Of part `number`, from 1 to `count`. */
  readonly bytesOf: (number: number) => number
}

/** Undefined for an upload that is sent by one PUT. */
export function partPlan({ partBytes, sizeBytes }: Pick<Upload, 'partBytes' | 'sizeBytes'>): PartPlan | undefined {
  if (partBytes === null) return undefined
  const wholeBytes = Number(sizeBytes)
  const count = Math.ceil(wholeBytes / partBytes)
  return {
    partBytes,
    count,
    bytesOf: number => (number < count ? partBytes : wholeBytes - (count - 1) * partBytes),
  }
}
