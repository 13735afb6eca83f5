import { type Job, job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Rejection } from './audio/rejection'
import { begin, finish, giveUp, handOver, Overtaken } from './processing'
import { audioPrefix } from './places'
import { understand } from './understand'

/**
 * Makes a track of a file that was sent. What is wrong with the file ends it at once, with words for the artist; anything
 * else is tried again, and ends it after the last attempt. Safe to run twice: each step looks at the upload's state under
 * its lock, and the audio is always copied to the same key.
 */
export const processTrack: Job<{ uploadId: string }> = job({
  name: 'music-upload.processTrack',
  payload: shape({ uploadId: id }),
  attemptsMax: 5,

  async run({ uploadId }, context) {
    const { world, transact, signal, isLastAttempt } = context
    const upload = await transact(inside => begin(uploadId, inside))
    if (upload === undefined) return
    try {
      const understood = await understand(upload, context)
      await transact(inside => finish(uploadId, understood, inside))
    } catch (error) {
      if (error instanceof Overtaken) return world.storage.removeUnder(audioPrefix(upload.trackId))
      if (error instanceof Rejection) return transact(inside => giveUp(uploadId, 'rejected', error.fault, inside))
      if (signal.aborted) return transact(inside => handOver(processTrack, uploadId, inside))
      if (isLastAttempt) await transact(inside => giveUp(uploadId, 'failed', ourFault, inside))
      throw error
    }
  },
})

const ourFault = {
  code: 'processing_failed',
  message: 'Something went wrong on our side. Your file is fine as far as we know: please send it again.',
}
