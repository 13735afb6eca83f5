import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { sweepBucket } from '../../kernel/platform/bucket-sweep'
import { sweepPictureFiles } from './sweep/sweep-picture-files'

/** Compares rendered files and database both ways: a safety net for the jobs that delete files. */
export const sweepPictures = job({
  name: 'pictures.sweepPictures',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '43 * * * *',

  async run(_payload, context) {
    await sweepBucket({ pictures: sweepPictureFiles }, context)
  },
})
