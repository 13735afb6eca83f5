import { type Upload } from '../../models'

export type UploadState = Upload['state']

/** The one list of what may follow what. `rejected` is the file's fault and for good; `failed` is ours, and may be tried again. */
const following: Readonly<Record<UploadState, readonly UploadState[]>> = {
  initiated: ['uploaded', 'aborted', 'expired'],
  uploaded: ['processing', 'failed', 'aborted'],
  processing: ['ready', 'rejected', 'failed', 'aborted'],
  ready: [],
  rejected: [],
  failed: ['uploaded', 'aborted'],
  aborted: [],
  expired: [],
}

export const mayFollow = (from: UploadState, to: UploadState): boolean => following[from].includes(to)

/** A worker has it, or is to have it. */
export const isUnderWay = (state: UploadState): boolean => state === 'uploaded' || state === 'processing'

/** Nothing follows it. */
export const isFinal = (state: UploadState): boolean => following[state].length === 0

/**
 * The state to go on with.
 * @throws Error on a jump that the list does not know: a bug, since every caller looks before it leaps.
 */
export function advance(from: UploadState, to: UploadState): UploadState {
  if (!mayFollow(from, to)) throw new Error(`an upload cannot go from ${from} to ${to}`)
  return to
}

/** What an upload that is given up does not have any more, besides its state. Its lease stays until its worker has let go. */
export const nothingMore = { step: null, fault: null, retryUntil: null }
