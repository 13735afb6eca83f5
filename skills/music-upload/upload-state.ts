import { type Upload } from '../../models'

export type UploadState = Upload['state']

/** The one list of what may follow what. `rejected` is the file's fault, `failed` is ours. */
const following: Readonly<Record<UploadState, readonly UploadState[]>> = {
  initiated: ['uploaded', 'aborted', 'expired'],
  uploaded: ['processing', 'failed', 'aborted'],
  processing: ['ready', 'rejected', 'failed', 'aborted'],
  ready: [],
  rejected: [],
  failed: [],
  aborted: [],
  expired: [],
}

export const mayFollow = (from: UploadState, to: UploadState): boolean => following[from].includes(to)

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
