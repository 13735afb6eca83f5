import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { sweepAreas } from '../../kernel/sweep'
import { noteReplaced } from './sweep/note-replaced'
import { sweepDrawn } from './sweep/sweep-drawn'

/** Compares what was drawn with the database, both ways: a net below the jobs that remove what is shown no longer. */
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
