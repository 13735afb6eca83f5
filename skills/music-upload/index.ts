import { type Skill } from '../../kernel/pipeline/registry'
import { abortUpload } from './abort-upload'
import { makeDownloadCopy } from '../music-processing/make-download-copy'
import { abortMultipart } from './abort-multipart'
import { trackChanged, trackHidden, trackPublished, trackDeleted, uploadChanged } from './events'
import { expireUploads } from './expire-uploads'
import { matchFingerprints } from '../music-processing/match-fingerprints'
import { finalizeUpload } from './finalize-upload'
import { getStorageUsage } from './get-storage-usage'
import { getUpload } from './get-upload'
import { initiateUpload } from './initiate-upload'
import { listAudioMatches } from '../moderation/list-audio-matches'
import { listUploads } from './list-uploads'
import { processUpload } from '../music-processing/process-upload'
import { releaseOverdueTracks } from '../tracks/release-overdue-tracks'
import { releaseTrack } from '../tracks/release-track'
import { deleteObjects } from './delete-objects'
import { deleteTrack } from '../tracks/delete-track'
import { renewUpload } from './renew-upload'
import { replaceAudio } from './replace-audio'
import { retryUpload } from './retry-upload'
import { signParts } from './sign-parts'
import { sweepSentFiles } from './sweep-sent-files'
import { resumeAbandoned } from '../music-processing/resume-abandoned'
import { updateTrack } from '../tracks/update-track'

export const musicUpload: Skill = {
  operations: [
    ...[initiateUpload, getUpload, listUploads, renewUpload, finalizeUpload, retryUpload, abortUpload],
    ...[signParts, getStorageUsage],
    ...[updateTrack, replaceAudio, deleteTrack, listAudioMatches],
  ],
  events: [uploadChanged, trackPublished, trackChanged, trackHidden, trackDeleted],
  jobs: [
    ...[processUpload, resumeAbandoned, matchFingerprints, expireUploads, deleteObjects, abortMultipart],
    ...[sweepSentFiles, releaseTrack, releaseOverdueTracks, makeDownloadCopy],
  ],
}
