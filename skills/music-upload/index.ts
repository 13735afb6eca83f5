import { type Skill } from '../../kernel/product'
import { abortUpload } from './abort-upload'
import { trackChanged, trackHidden, trackPublished, trackRemoved, uploadChanged } from './events'
import { expireUploads } from './expire-uploads'
import { findResemblance } from './find-resemblance'
import { finalizeUpload } from './finalize-upload'
import { getUpload } from './get-upload'
import { initiateUpload } from './initiate-upload'
import { listMatches } from './list-matches'
import { listUploads } from './list-uploads'
import { processTrack } from './process-track'
import { removeObjects } from './remove-objects'
import { removeTrack } from './remove-track'
import { renewUpload } from './renew-upload'
import { updateTrack } from './update-track'

export const musicUpload: Skill = {
  operations: [
    ...[initiateUpload, getUpload, listUploads, renewUpload, finalizeUpload, abortUpload],
    ...[updateTrack, removeTrack, listMatches],
  ],
  events: [uploadChanged, trackPublished, trackChanged, trackHidden, trackRemoved],
  jobs: [processTrack, findResemblance, expireUploads, removeObjects],
}
