import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { sweepBucket } from '../../kernel/platform/bucket-sweep'
import { sweepAudio } from './sweep/sweep-audio'
import { sweepMissingDownloads } from './sweep/sweep-missing-downloads'
import { sweepStreamParts } from './sweep/sweep-stream-parts'
import { sweepWaitingUploads } from './sweep/sweep-waiting-uploads'

/**
 * Compares the audio in the bucket with the database both ways: deletes old objects that no row needs, and reports
 * objects that rows need and the bucket lacks. A safety net for crashes, lost jobs and manual changes to the bucket;
 * jobs do the same at once.
 */
export const sweepAudioFiles = job({
  name: 'music-processing.sweepAudioFiles',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '33 * * * *',

  run: (_payload, context) =>
    sweepBucket(
      {
        'stream-parts': sweepStreamParts,
        audio: sweepAudio,
        'waiting-uploads': sweepWaitingUploads,
        'missing-downloads': sweepMissingDownloads,
      },
      context,
    ),
})
