import { reaction } from '../../kernel/events/reaction'
import { trackChanged } from '../tracks/events'
import { enqueueDownloadCopy } from './make-download-copy'
import { findMissingDownload } from './missing-downloads'

export const onTrackChanged = reaction({
  to: trackChanged,
  because: 'a track whose artist allows downloads needs a copy without tags',
  async react({ track: { id, isDownloadable, state } }, context) {
    if (!isDownloadable || state !== 'ready') return
    if ((await findMissingDownload(id, context)) !== undefined) await enqueueDownloadCopy(id, context)
  },
})
