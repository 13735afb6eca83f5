import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { sweepAreas } from '../../kernel/sweep'
import { sweepAudio } from './sweep/sweep-audio'
import { sweepIncoming } from './sweep/sweep-incoming'
import { sweepParts, sweepStreamParts } from './sweep/sweep-parts'
import { sweepUncopied } from './sweep/sweep-uncopied'
import { sweepUploaded } from './sweep/sweep-uploaded'

/**
 * Compares bucket and database both ways: deletes old objects that no row needs, and reports objects that rows need
 * and the bucket lacks. A safety net for crashes, lost jobs and manual changes to the bucket; jobs do the same at
 * once.
 */
export const sweepBucket = job({
  name: 'music-upload.sweepBucket',
  payload: nothing,
  attemptsMax: 3,
  cron: '23 * * * *',

  run: (_payload, context) =>
    sweepAreas(
      {
        incoming: sweepIncoming,
        parts: sweepParts,
        'stream-parts': sweepStreamParts,
        audio: sweepAudio,
        uploaded: sweepUploaded,
        uncopied: sweepUncopied,
      },
      context,
    ),
})
