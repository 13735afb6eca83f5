import { randomUUID } from 'node:crypto'
import { type Context } from '../../kernel/pipeline/context'
import { type Job, job, type JobContext } from '../../kernel/events/job'
import { id, shape } from '../../kernel/pipeline/schema'
import { FileChanged } from '../../kernel/platform/incoming-files'
import { Rejection } from '../../media/audio/rejection'
import { serverFailure } from './failures'
import { LeaseLost, returnAttempt, withLease, yieldLease } from './lease'
import { startProcessing, finishProcessing, failProcessing, type UploadWithTrack } from './processing-states'
import { processingAttemptsMax } from './rules'
import { analyzeUpload } from './analyze-upload'

/**
 * Processes a file that was sent. A file that is rejected ends the upload at once, with a message for the artist;
 * other errors are retried and end it after the last attempt. Safe to run twice, also concurrently: each step checks
 * the state and the lease under the row lock, and the audio always gets the same key.
 */
export const processUpload: Job<{ uploadId: string }> = job({
  name: 'music-processing.processUpload',
  payload: shape({ uploadId: id }),
  attemptsMax: processingAttemptsMax,
  isLong: true,

  async run({ uploadId }, context) {
    const runId = randomUUID()
    const upload = await context.transact(inside => startProcessing(uploadId, runId, inside))
    if (upload === undefined) return
    try {
      await withLease(uploadId, runId, context, leased => attempt(upload, leased))
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error
      await yieldLease(upload, runId, context)
    }
  },
})

/** One job per upload. A new job replaces one whose worker is dead or stopping, which is then not retried. */
export const enqueueProcessing = (uploadId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(processUpload, { uploadId }, { key: processingJobKeyPrefix + uploadId })

export const processingJobKeyPrefix = 'process:'

async function attempt(upload: UploadWithTrack, context: JobContext): Promise<void> {
  const { transact, signal, isLastAttempt } = context
  try {
    const analyzed = await analyzeUpload(upload, context)
    await transact(inside => finishProcessing(upload.id, analyzed, inside))
  } catch (error) {
    if (error instanceof LeaseLost) throw error
    if (error instanceof Rejection || error instanceof FileChanged)
      return transact(inside => failProcessing(upload.id, 'rejected', error.error, inside))
    if (signal.aborted) return transact(inside => requeue(upload.id, inside))
    if (isLastAttempt || upload.attempts >= processingAttemptsMax)
      await transact(inside => failProcessing(upload.id, 'failed', serverFailure, inside))
    throw error
  }
}

/** The worker is shutting down: enqueue the upload again; the attempt does not count. */
async function requeue(uploadId: string, context: Context): Promise<void> {
  await returnAttempt(uploadId)
  await enqueueProcessing(uploadId, context)
}
