import { type Context } from '../../kernel/pipeline/context'
import { type JobContext } from '../../kernel/events/job'
import { Upload } from '../../models'
import { audioVersionPrefix, leaseMs } from './rules'

/** The upload was aborted, its track was deleted, or another worker has the lease: this run must not write any more. */
export class LeaseLost extends Error {}

/** How long a lease lasts, and how often it is renewed. */
export interface LeaseTimes {
  lifeMs: number
  renewEveryMs: number
}

/** Renew six times per lease, since a renewal is also how a worker learns that its upload was aborted. */
const defaultTimes: LeaseTimes = { lifeMs: leaseMs, renewEveryMs: leaseMs / 6 }

/**
 * Gives this run the lease of a locked upload, also one that another run holds. Leases use the clock of the database, since the
 * clocks of workers differ.
 */
export async function acquireLease(uploadId: string, runId: string, { app }: Pick<Context, 'app'>): Promise<void> {
  await app.db.query(
    `update uploads set lease_run_id = :runId, ${leaseUntilSql}, attempts = attempts + 1 where id = :uploadId`,
    {
      uploadId,
      runId,
      lifeMs: defaultTimes.lifeMs,
    },
  )
}

/** The columns of an upload without a lease. */
export const clearedLease = { leaseRunId: null, leaseUntil: null }

/**
 * Runs `work` while renewing the lease. Each transaction first locks the row and checks that this run still has the
 * lease: a worker that was suspended past its lease cannot write when it resumes. The signal aborts when the lease is
 * lost.
 * @throws LeaseLost
 */
export async function withLease<T>(
  uploadId: string,
  runId: string,
  context: JobContext,
  work: (leased: JobContext) => Promise<T>,
  times: LeaseTimes = defaultTimes,
): Promise<T> {
  const lost = new AbortController()
  const timer = startRenewing({ uploadId, runId, times, onLost: () => lost.abort(new LeaseLost()) }, context)
  try {
    return await work({
      ...context,
      signal: AbortSignal.any([context.signal, lost.signal]),
      transact: change =>
        context.transact(async inside => {
          await assertLease(uploadId, runId)
          return change(inside)
        }),
    })
  } catch (error) {
    // Aborted calls throw errors of their own: report the lost lease instead.
    throw lost.signal.aborted ? new LeaseLost() : error
  } finally {
    clearInterval(timer)
  }
}

/**
 * Releases the lease without counting the attempt: the worker is shutting down.
 * @throws LeaseLost
 */
export async function returnAttempt(uploadId: string): Promise<void> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  if (upload?.state !== 'processing') throw new LeaseLost()
  await upload.update({ ...clearedLease, attempts: Math.max(0, upload.attempts - 1) })
}

/** Cleans up after a run that lost its lease. Objects it stored are left to the next run, if there is one. */
export async function yieldLease(
  { id, trackId }: { id: string; trackId: string },
  runId: string,
  context: JobContext,
): Promise<void> {
  const upload = await Upload.findByPk(id)
  if (upload === null || upload.state === 'aborted' || upload.state === 'rejected')
    await context.app.storage.deletePrefix(audioVersionPrefix(trackId, id))
  // Clear the lease last: while it is set, the maintenance job looks for objects that this run stored.
  await context.transact(async () => {
    await Upload.update(clearedLease, { where: { id, leaseRunId: runId } })
  })
}

async function assertLease(uploadId: string, runId: string): Promise<void> {
  const upload = await Upload.findByPk(uploadId, { attributes: ['leaseRunId'], lock: true })
  if (upload?.leaseRunId !== runId) throw new LeaseLost()
}

interface Renewal {
  uploadId: string
  runId: string
  times: LeaseTimes
  onLost: () => void
}

function startRenewing({ uploadId, runId, times, onLost }: Renewal, { app }: JobContext): NodeJS.Timeout {
  const { lifeMs, renewEveryMs } = times
  let renewedAt = app.clock.now()
  const renew = async () => {
    const startedAt = app.clock.now()
    try {
      const [row] = await app.db.query(renewSql, { uploadId, runId, lifeMs })
      if (row === undefined) onLost()
      else renewedAt = startedAt
    } catch {
      // Tolerate a database outage until the lease has expired; after that another worker may have the upload.
      if (app.clock.now() - renewedAt > lifeMs) onLost()
    }
  }
  return setInterval(() => void renew(), renewEveryMs)
}

const leaseUntilSql = `lease_until = clock_timestamp() + :lifeMs * interval '1 millisecond'`

/** Renews nothing once the upload is aborted: so the worker stops. */
const renewSql = `
  update uploads set ${leaseUntilSql} where id = :uploadId and lease_run_id = :runId and state = 'processing' returning id`
