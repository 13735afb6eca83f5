import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { sweepAreas } from '../../kernel/sweep'
import { noteReplaced } from './sweep/note-replaced'
import { sweepDrawn } from './sweep/sweep-drawn'

/** Compares rendered files and database both ways: a safety net for the jobs that delete files. */
export const sweepPictures = job({
  name: 'pictures.sweepPictures',
  payload: nothing,
  attemptsMax: 3,
  cron: '43 * * * *',

  async run(_payload, context) {
    await noteReplaced(context)
    await sweepAreas({ pictures: sweepDrawn }, context)
  },
})
