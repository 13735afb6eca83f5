import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { sweepBucket } from '../../kernel/platform/bucket-sweep'
import { sweepAudio } from '../music-processing/sweep/sweep-audio'
import { sweepIncoming } from './sweep/sweep-incoming'
import { sweepSentParts, sweepStreamParts } from './sweep/sweep-parts'
import { sweepMissingDownloads } from '../music-processing/sweep/sweep-missing-downloads'
import { sweepWaitingUploads } from '../music-processing/sweep/sweep-waiting-uploads'

/**
 * Compares bucket and database both ways: deletes old objects that no row needs, and reports objects that rows need
 * and the bucket lacks. A safety net for crashes, lost jobs and manual changes to the bucket; jobs do the same at
 * once.
 */
export const sweepSentFiles = job({
  name: 'music-upload.sweepSentFiles',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '23 * * * *',

  run: (_payload, context) =>
    sweepBucket(
      {
        incoming: sweepIncoming,
        parts: sweepSentParts,
        'stream-parts': sweepStreamParts,
        audio: sweepAudio,
        uploaded: sweepWaitingUploads,
        uncopied: sweepMissingDownloads,
      },
      context,
    ),
})
