import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { sweepAreas } from '../../kernel/sweep'
import { sweepAudio } from './sweep/sweep-audio'
import { sweepIncoming } from './sweep/sweep-incoming'
import { sweepParts, sweepStreamParts } from './sweep/sweep-parts'
import { sweepUncopied } from './sweep/sweep-uncopied'
import { sweepUploaded } from './sweep/sweep-uploaded'

/**
 * Compares the bucket with the database, both ways: what no row wants is removed once it is old, and what a row wants and the
 * bucket has not is reported. All of it is a net below the jobs that do this at once; a crash, a lost job or a hand in the
 * bucket is what it is for.
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
