import { stateMachine } from '../../kernel/pipeline/state-machine'
import { type PictureState } from '../../models/picture'

/** `rejected` is caused by the file, `failed` by us. */
export const { transition } = stateMachine<PictureState>('a picture', {
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
})
