import { type Skill } from '../../kernel/product'
import { abortUpload } from './abort-upload'
import { copyForDownload } from './copy-for-download'
import { dropParts } from './drop-parts'
import { trackChanged, trackHidden, trackPublished, trackRemoved, uploadChanged } from './events'
import { expireUploads } from './expire-uploads'
import { findResemblance } from './find-resemblance'
import { finalizeUpload } from './finalize-upload'
import { getStorage } from './get-storage'
import { getUpload } from './get-upload'
import { initiateUpload } from './initiate-upload'
import { listMatches } from './list-matches'
import { listUploads } from './list-uploads'
import { processTrack } from './process-track'
import { releaseDue } from './release-due'
import { releaseTrack } from './release-track'
import { removeObjects } from './remove-objects'
import { removeTrack } from './remove-track'
import { renewUpload } from './renew-upload'
import { replaceAudio } from './replace-audio'
import { retryUpload } from './retry-upload'
import { signParts } from './sign-parts'
import { sweepBucket } from './sweep-bucket'
import { takeUpLost } from './take-up-lost'
import { updateTrack } from './update-track'

export const musicUpload: Skill = {
  operations: [
    ...[initiateUpload, getUpload, listUploads, renewUpload, finalizeUpload, retryUpload, abortUpload],
    ...[signParts, getStorage],
    ...[updateTrack, replaceAudio, removeTrack, listMatches],
  ],
  events: [uploadChanged, trackPublished, trackChanged, trackHidden, trackRemoved],
  jobs: [
    ...[processTrack, takeUpLost, findResemblance, expireUploads, removeObjects, dropParts],
    ...[sweepBucket, releaseTrack, releaseDue, copyForDownload],
  ],
}
