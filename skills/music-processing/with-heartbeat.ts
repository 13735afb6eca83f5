import { type JobContext } from '../../kernel/events/job'
import { LeaseLost } from './lease'
import { reportStep } from './processing-states'

/** Limits progress reports: each one is a transaction and an event. */
const reportEveryMs = 3_000
const [startPercent, endPercent] = [50, 80]

/**
 * Runs `work` and reports its progress to the owner of the upload. Aborts it when the upload is no longer wanted.
 * @throws LeaseLost
 */
export async function withHeartbeat<T>(
  uploadId: string,
  { app, signal, transact }: Pick<JobContext, 'app' | 'signal' | 'transact'>,
  work: (signal: AbortSignal, onProgress: (share: number) => void) => Promise<T>,
): Promise<T> {
  const stopped = new AbortController()
  let reportedAt = app.clock.now()
  let reported = startPercent
  let reporting = Promise.resolve()
  const onProgress = (share: number) => {
    const percent = Math.floor(startPercent + share * (endPercent - startPercent))
    const now = app.clock.now()
    if (now - reportedAt < reportEveryMs || percent <= reported) return
    reportedAt = now
    reported = percent
    reporting = reporting
      .then(() => transact(inside => reportStep(uploadId, 'encoding', percent, inside)))
      .catch((error: unknown) => {
        // Ignore database errors: the next report catches up.
        if (error instanceof LeaseLost) stopped.abort(error)
      })
  }
  try {
    const result = await work(AbortSignal.any([signal, stopped.signal]), onProgress)
    await reporting
    stopped.signal.throwIfAborted()
    return result
  } finally {
    // The caller's next step must not be overwritten by a late report.
    await reporting
  }
}
