import { reaction } from '../../kernel/events/reaction'
import { uploadQueued } from '../music-upload/events'
import { changeTrack } from './change-track'
import { scheduleRelease } from './release-track'
import { lockTrack } from './views'

export const onUploadQueued = reaction({
  to: uploadQueued,
  because: 'a failed track is processing again; the release of a new track gets its job',
  async react({ trackId, isNewTrack }, context) {
    const track = await lockTrack(trackId)
    if (track === null) return
    if (track.state === 'failed') await changeTrack(track, { state: 'processing' }, context)
    if (isNewTrack) await scheduleRelease(track, context)
  },
})
