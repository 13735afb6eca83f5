import { type Job, type JobContext, job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Picture } from '../../models'
import { Rejection, Suspicion } from './drawing/rejection'
import { picturePrefix } from './places'
import { finish, giveUp, ourFault, Overtaken } from './processing'
import { redraw } from './redraw'

/** So often a file may crash a decoder, or have it run out of memory, before the file is blamed and not the machine. */
const suspectedMax = 3

/**
 * Redraws a picture that was sent, and has it shown. What is wrong with the file ends it at once, with words for whoever
 * sent it; what may be ends it the third time. Anything else is tried again for half an hour, and ends it after that. Safe
 * to run twice, also at the same time: the same bytes are stored under the same keys, and the state is looked at under its
 * lock.
 */
export const processPicture: Job<{ pictureId: string }> = job({
  name: 'pictures.processPicture',
  payload: shape({ pictureId: id }),
  attemptsMax: 8,

  async run({ pictureId }, context) {
    const { transact, signal, attempt, isLastAttempt } = context
    const picture = await Picture.findByPk(pictureId)
    if (picture?.state !== 'uploaded') return tidy(pictureId, context)
    try {
      const color = await redraw(picture, context)
      await transact(inside => finish(pictureId, color, inside))
    } catch (thrown) {
      const error = thrown instanceof Suspicion && attempt >= suspectedMax ? new Rejection(thrown.code) : thrown
      if (error instanceof Overtaken) return tidy(pictureId, context)
      if (error instanceof Rejection) return transact(inside => giveUp(pictureId, 'rejected', error.fault, inside))
      // The worker was told to stop: another one begins anew, and the attempt does not count.
      if (signal.aborted)
        return transact(({ enqueue }) => enqueue(processPicture, { pictureId }, { key: `picture:${pictureId}` }))
      if (isLastAttempt) await transact(inside => giveUp(pictureId, 'failed', ourFault, inside))
      throw error
    }
  },
})

/** Nothing stays of a picture that was given up while it was stored; what is or was shown is left alone. */
async function tidy(pictureId: string, { world }: JobContext): Promise<void> {
  const picture = await Picture.findByPk(pictureId)
  const stays = picture !== null && ['uploaded', 'ready', 'replaced'].includes(picture.state)
  if (!stays) await world.storage.removeUnder(picturePrefix(pictureId))
}
