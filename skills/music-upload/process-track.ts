import { randomUUID } from 'node:crypto'
import { type Context } from '../../kernel/context'
import { type Job, job, type JobContext } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Rejection } from './audio/rejection'
import { ourFault } from './faults'
import { Overtaken, underLease } from './lease'
import { begin, finish, giveUp, handBack, stepAside, type WithTrack } from './processing'
import { processingAttemptsMax } from './rules'
import { understand } from './understand'

/**
 * Makes a track of a file that was sent. What is wrong with the file ends it at once, with words for the artist; anything
 * else is tried again, and ends it after the last attempt. Safe to run twice, also at once: each step looks at the upload's
 * state and at who has the lease under its lock, and the audio is always copied to the same key.
 */
export const processTrack: Job<{ uploadId: string }> = job({
  name: 'music-upload.processTrack',
  payload: shape({ uploadId: id }),
  attemptsMax: processingAttemptsMax,
  isLong: true,

  async run({ uploadId }, context) {
    const run = randomUUID()
    const upload = await context.transact(inside => begin(uploadId, run, inside))
    if (upload === undefined) return
    try {
      await underLease(uploadId, run, context, leased => attempt(upload, leased))
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
      await stepAside(upload, run, context)
    }
  },
})

/** One job for an upload. With one under way that is dead or dying, a new one takes its place and it is not tried again. */
export const enqueueProcessing = (uploadId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(processTrack, { uploadId }, { key: processingKey(uploadId) })

export const processingKey = (uploadId: string): string => `process:${uploadId}`

async function attempt(upload: WithTrack, context: JobContext): Promise<void> {
  const { transact, signal, isLastAttempt } = context
  try {
    const understood = await understand(upload, context)
    await transact(inside => finish(upload.id, understood, inside))
  } catch (error) {
    if (error instanceof Overtaken) throw error
    if (error instanceof Rejection) return transact(inside => giveUp(upload.id, 'rejected', error.fault, inside))
    if (signal.aborted) return transact(inside => handOver(upload.id, inside))
    if (isLastAttempt || upload.attempts >= processingAttemptsMax)
      await transact(inside => giveUp(upload.id, 'failed', ourFault, inside))
    throw error
  }
}

/** The worker was told to stop: another one begins anew, and the attempt does not count. */
async function handOver(uploadId: string, context: Context): Promise<void> {
  await handBack(uploadId)
  await enqueueProcessing(uploadId, context)
}
