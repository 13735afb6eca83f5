import { reaction } from '../../kernel/events/reaction'
import { trackUploadAborted } from '../music-upload/events'
import { changeTrack } from './change-track'
import { markTrackDeleted } from './mark-track-deleted'
import { lockTrack } from './views'

export const onUploadAborted = reaction({
  to: trackUploadAborted,
  because: 'a track that was made for the upload is deleted; another one is no longer processing',
  async react({ trackId, wasInProgress, deletesTrack }, context) {
    if (deletesTrack) return markTrackDeleted(trackId, context)
    const track = wasInProgress ? await lockTrack(trackId) : null
    if (track?.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
  },
})
