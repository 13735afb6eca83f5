import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { sweepBucket } from '../../kernel/platform/bucket-sweep'
import { sweepIncoming } from './sweep/sweep-incoming'
import { sweepSentParts } from './sweep/sweep-sent-parts'

/**
 * Deletes old sent files and parts that no row needs. A safety net for crashes, lost jobs and manual changes to the
 * bucket; jobs do the same at once.
 */
export const sweepSentFiles = job({
  name: 'music-upload.sweepSentFiles',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '23 * * * *',

  run: (_payload, context) => sweepBucket({ incoming: sweepIncoming, 'sent-parts': sweepSentParts }, context),
})
