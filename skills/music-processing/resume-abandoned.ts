import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { jobAliveSql } from '../../kernel/events/job-queue'
import { type AppContext } from '../../kernel/platform/app-context'
import { Upload } from '../../models'
import { makeDownloadCopy } from './make-download-copy'
import { workerCrash } from './failures'
import { clearedLease } from './lease'
import { deleteAudioVersion } from './delete-audio'
import { enqueueProcessing, processingJobKeyPrefix, processUpload } from './process-upload'
import { failProcessing } from './processing-states'
import { leaseMs, processingAttemptsMax } from './rules'
import { isInProgress } from '../music-upload/rules'

const batchMax = 100

/**
 * Enqueues uploads of dead workers again. The job queue alone would wait for four hours, since it cannot tell a
 * killed worker from a busy one.
 */
export const resumeAbandoned = job({
  name: 'music-processing.resumeAbandoned',
  payload: emptyObject,
  attemptsMax: 1,
  cron: '* * * * *',

  async run(_payload, { app, transact, signal }) {
    // One transaction each, so that one failure does not block the others.
    for (const { id } of await abandonedUploads(app)) if (!signal.aborted) await transact(inside => resume(id, inside))
    for (const job of [processUpload, makeDownloadCopy]) await app.jobs.completeAbandoned(job)
  },
})

async function resume(uploadId: string, context: Context): Promise<void> {
  // Another worker may be resuming it concurrently.
  const upload = await Upload.findOne({ where: { id: uploadId }, lock: true, skipLocked: true })
  if (upload === null || !(await isStillAbandoned(uploadId, context.app))) return
  await upload.update(clearedLease)
  if (!isInProgress(upload.state)) return cleanUpAborted(upload, context)
  if (upload.attempts >= processingAttemptsMax) return failProcessing(uploadId, 'failed', workerCrash, context)
  await enqueueProcessing(uploadId, context)
}

/** Its worker may have stored objects after the abort and died before deleting them. */
async function cleanUpAborted({ id, trackId, state }: Upload, context: Context): Promise<void> {
  if (state === 'aborted' && trackId !== null) await deleteAudioVersion({ id, trackId }, context)
}

const abandonedUploads = (app: AppContext): Promise<{ id: string }[]> =>
  app.db.query(`select upload.id from uploads upload where ${isAbandonedSql} order by upload.id limit :batchMax`, {
    leaseMs,
    batchMax,
  })

async function isStillAbandoned(uploadId: string, app: AppContext): Promise<boolean> {
  const sql = `select upload.id from uploads upload where upload.id = :uploadId and ${isAbandonedSql}`
  return (await app.db.query(sql, { leaseMs, uploadId })).length > 0
}

/**
 * Without a valid lease, and without a job that waits or has just started. A failed attempt waits as a job for its
 * next run. An upload that was aborted during processing counts until its worker has confirmed its cleanup.
 */
const isAbandonedSql = `
  (upload.state in ('uploaded', 'processing') or upload.lease_run_id is not null)
  and (upload.lease_until is null or upload.lease_until < clock_timestamp())
  and not ${jobAliveSql(`'${processingJobKeyPrefix}' || upload.id`, ':leaseMs')}`
