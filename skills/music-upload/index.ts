import { type Skill } from '../../kernel/product'
import { abortUpload } from './abort-upload'
import { trackChanged, trackHidden, trackPublished, trackRemoved, uploadChanged } from './events'
import { expireUploads } from './expire-uploads'
import { finalizeUpload } from './finalize-upload'
import { getUpload } from './get-upload'
import { initiateUpload } from './initiate-upload'
import { listUploads } from './list-uploads'
import { processTrack } from './process-track'
import { removeObjects } from './remove-objects'
import { removeTrack } from './remove-track'
import { renewUpload } from './renew-upload'
import { replaceAudio } from './replace-audio'
import { retryUpload } from './retry-upload'
import { takeUpLost } from './take-up-lost'
import { updateTrack } from './update-track'

export const musicUpload: Skill = {
  operations: [
    ...[initiateUpload, getUpload, listUploads, renewUpload, finalizeUpload, retryUpload],
    ...[abortUpload, updateTrack, replaceAudio, removeTrack],
  ],
  events: [uploadChanged, trackPublished, trackChanged, trackHidden, trackRemoved],
  jobs: [processTrack, takeUpLost, expireUploads, removeObjects],
}
