import { type PictureState } from '../../models/picture'

/** The one list of what may follow what. `rejected` is the file's fault, `failed` is ours. */
const following: Readonly<Record<PictureState, readonly PictureState[]>> = {
  initiated: ['uploaded', 'aborted', 'expired'],
  // `replaced` at once when a later one was quicker.
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
 * The state to go on with.
 * @throws Error on a jump that the list does not know: a bug, since every caller looks before it leaps.
 */
export function advance(from: PictureState, to: PictureState): PictureState {
  if (!following[from].includes(to)) throw new Error(`a picture cannot go from ${from} to ${to}`)
  return to
}
