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
 * Processes a file that was sent. A file that is rejected ends the upload at once, with a message for the artist;
 * other errors are retried and end it after the last attempt. Safe to run twice, also concurrently: each step checks
 * the state and the lease under the row lock, and the audio always gets the same key.
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

/** One job per upload. A new job replaces one whose worker is dead or stopping, which is then not retried. */
export const enqueueProcessing = (uploadId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(processTrack, { uploadId }, { key: processingKey(uploadId) })

export const processingKey = (uploadId: string): string => `process:${uploadId}`

async function attempt(upload: WithTrack, context: JobContext): Promise<void> {
  const { transact, signal, isLastAttempt } = context
  try {
    const analyzed = await understand(upload, context)
    await transact(inside => finish(upload.id, analyzed, inside))
  } catch (error) {
    if (error instanceof Overtaken) throw error
    if (error instanceof Rejection) return transact(inside => giveUp(upload.id, 'rejected', error.fault, inside))
    if (signal.aborted) return transact(inside => requeue(upload.id, inside))
    if (isLastAttempt || upload.attempts >= processingAttemptsMax)
      await transact(inside => giveUp(upload.id, 'failed', ourFault, inside))
    throw error
  }
}

/** The worker is shutting down: enqueue the upload again; the attempt does not count. */
async function requeue(uploadId: string, context: Context): Promise<void> {
  await handBack(uploadId)
  await enqueueProcessing(uploadId, context)
}
