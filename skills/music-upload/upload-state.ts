import { type Upload } from '../../models'

export type UploadState = Upload['state']

/** Allowed transitions. `rejected` is final and caused by the file; `failed` is caused by us and can be retried. */
const transitions: Readonly<Record<UploadState, readonly UploadState[]>> = {
  initiated: ['uploaded', 'aborted', 'expired'],
  uploaded: ['processing', 'failed', 'aborted'],
  processing: ['ready', 'rejected', 'failed', 'aborted'],
  ready: [],
  rejected: [],
  failed: ['uploaded', 'aborted'],
  aborted: [],
  expired: [],
}

export const canTransition = (from: UploadState, to: UploadState): boolean => transitions[from].includes(to)

/** Waiting for a worker, or processed by one. */
export const isInProgress = (state: UploadState): boolean => state === 'uploaded' || state === 'processing'

/** No transition leaves it. */
export const isFinal = (state: UploadState): boolean => transitions[state].length === 0

/**
 * Returns the new state.
 * @throws Error on a transition that is not allowed: a bug, since callers check first
 */
export function transition(from: UploadState, to: UploadState): UploadState {
  if (!canTransition(from, to)) throw new Error(`an upload cannot go from ${from} to ${to}`)
  return to
}

/** Columns to clear when an upload is aborted. The lease stays until its worker has let go. */
export const clearedProgress = { step: null, error: null, retryUntil: null }
