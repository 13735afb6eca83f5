import { event } from '../../kernel/events/event'
import { boolean, id, shape } from '../../kernel/pipeline/schema'
import { uploadView } from './views'

export const uploadChanged = event({
  name: 'music-upload.uploadChanged',
  summary: 'One of your uploads changed',
  payload: shape({ ownerId: id, upload: uploadView }),
  channels: ({ ownerId }) => [`user:${ownerId}`],
})

/** Internal: the file of an upload was sent, or is to be processed again. */
export const uploadQueued = event({
  name: 'music-upload.uploadQueued',
  summary: 'An upload waits for a worker',
  payload: shape({ uploadId: id, trackId: id, isNewTrack: boolean }),
})

/** Internal: `deletesTrack` when the track was made for the upload, and has no other audio and no other upload. */
export const trackUploadAborted = event({
  name: 'music-upload.trackUploadAborted',
  summary: 'An upload with a track was aborted',
  payload: shape({ uploadId: id, trackId: id, wasInProgress: boolean, deletesTrack: boolean }),
})
