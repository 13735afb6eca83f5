import { type Job, type JobContext, job } from '../../kernel/events/job'
import { type Context } from '../../kernel/pipeline/context'
import { id, shape } from '../../kernel/pipeline/schema'
import { FileChanged } from '../../kernel/platform/incoming-files'
import { Picture } from '../../models'
import { Rejection, SuspectedRejection } from '../../media/pictures/rejection'
import { picturePrefix } from './object-keys'
import { finishProcessing, failProcessing, serverFailure, Superseded } from './processing-states'
import { renderSentPicture } from './render-sent-picture'

/** Attempts that may crash the decoder or run out of memory before the file is rejected. */
const suspectedMax = 3

/**
 * Renders a picture that was sent, and shows it. A rejected file ends it at once, with a message for the uploader; a
 * suspected one on the third attempt. Other errors are retried for half an hour. Safe to run twice, also
 * concurrently: the same bytes get the same keys, and the state is checked under the row lock.
 */
export const processPicture: Job<{ pictureId: string }> = job({
  name: 'pictures.processPicture',
  payload: shape({ pictureId: id }),
  attemptsMax: 8,

  async run({ pictureId }, context) {
    const { transact, signal, attempt, isLastAttempt } = context
    const picture = await Picture.findByPk(pictureId)
    if (picture?.state !== 'uploaded') return cleanUp(pictureId, context)
    try {
      const color = await renderSentPicture(picture, context)
      await transact(inside => finishProcessing(pictureId, color, inside))
    } catch (thrown) {
      const error =
        thrown instanceof SuspectedRejection && attempt >= suspectedMax ? new Rejection(thrown.code) : thrown
      if (error instanceof Superseded) return cleanUp(pictureId, context)
      if (error instanceof Rejection || error instanceof FileChanged)
        return transact(inside => failProcessing(pictureId, 'rejected', error.error, inside))
      // The worker is shutting down: enqueue the picture again; the attempt does not count.
      if (signal.aborted) return transact(inside => enqueueRendering(pictureId, inside))
      if (isLastAttempt) await transact(inside => failProcessing(pictureId, 'failed', serverFailure, inside))
      throw error
    }
  },
})

/** One job per picture. */
export const enqueueRendering = (pictureId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(processPicture, { pictureId }, { key: renderingJobKeyPrefix + pictureId })

export const renderingJobKeyPrefix = 'picture:'

/** Deletes the files of a picture that ended while they were stored; a picture that is or was shown keeps them. */
async function cleanUp(pictureId: string, { app }: JobContext): Promise<void> {
  const picture = await Picture.findByPk(pictureId)
  const isKept = picture !== null && ['uploaded', 'ready', 'replaced'].includes(picture.state)
  if (!isKept) await app.storage.deletePrefix(picturePrefix(pictureId))
}
