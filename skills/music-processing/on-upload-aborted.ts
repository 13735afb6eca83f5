import { reaction } from '../../kernel/events/reaction'
import { trackUploadAborted } from '../music-upload/events'
import { deleteAudioVersion } from './delete-audio'

export const onUploadAborted = reaction({
  to: trackUploadAborted,
  because: 'its audio is not needed; with its track all audio of the track is deleted',
  async react({ uploadId, trackId, deletesTrack }, context) {
    if (!deletesTrack) await deleteAudioVersion({ id: uploadId, trackId }, context)
  },
})
