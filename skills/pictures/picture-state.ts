import { type PictureState } from '../../models/picture'

/** Allowed transitions. `rejected` is caused by the file, `failed` by us. */
const transitions: Readonly<Record<PictureState, readonly PictureState[]>> = {
  initiated: ['uploaded', 'aborted', 'expired'],
  // Directly `replaced` when a later picture was rendered first.
  uploaded: ['ready', 'replaced', 'rejected', 'failed', 'aborted', 'removed'],
  ready: ['replaced', 'removed'],
  replaced: ['removed'],
  rejected: [],
  failed: [],
  aborted: [],
  expired: [],
  removed: [],
}

/**
 * Returns the new state.
 * @throws Error on a transition that is not allowed: a bug, since callers check first
 */
export function transition(from: PictureState, to: PictureState): PictureState {
  if (!transitions[from].includes(to)) throw new Error(`a picture cannot go from ${from} to ${to}`)
  return to
}
