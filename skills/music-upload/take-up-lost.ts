import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { isJobAlive } from '../../kernel/world/jobs'
import { type World } from '../../kernel/world'
import { Upload } from '../../models'
import { copyForDownload } from './copy-for-download'
import { deadlyFile } from './faults'
import { noLease } from './lease'
import { forgetVersion } from './places'
import { enqueueProcessing, processTrack } from './process-track'
import { giveUp } from './processing'
import { leaseMs, processingAttemptsMax, silentRunMs } from './rules'
import { isUnderWay } from './upload-state'

const batchMax = 100

/**
 * Enqueues uploads of dead workers again. The job queue alone would wait for four hours, since it cannot tell a
 * killed worker from a busy one.
 */
export const takeUpLost = job({
  name: 'music-upload.takeUpLost',
  payload: nothing,
  attemptsMax: 1,
  cron: '* * * * *',

  async run(_payload, { world, transact, signal }) {
    // One transaction each, so that one failure does not block the others.
    for (const { id } of await abandonedUploads(world))
      if (!signal.aborted) await transact(inside => resume(id, inside))
    for (const job of [processTrack, copyForDownload]) await world.jobs.forgetDead(job)
  },
})

async function resume(uploadId: string, context: Context): Promise<void> {
  // Another worker may be resuming it concurrently.
  const upload = await Upload.findOne({ where: { id: uploadId }, lock: true, skipLocked: true })
  if (upload === null || !(await isStillAbandoned(uploadId, context.world))) return
  await upload.update(noLease)
  if (!isUnderWay(upload.state)) return cleanUpAborted(upload, context)
  if (upload.attempts >= processingAttemptsMax) return giveUp(uploadId, 'failed', deadlyFile, context)
  await enqueueProcessing(uploadId, context)
}

/** Its worker may have stored objects after the abort and died before deleting them. */
async function cleanUpAborted({ id, trackId, state }: Upload, context: Context): Promise<void> {
  if (state === 'aborted' && trackId !== null) await forgetVersion({ id, trackId }, context)
}

const abandonedUploads = (world: World): Promise<{ id: string }[]> =>
  world.db.query(`select upload.id from uploads upload where ${isAbandonedSql} order by upload.id limit :batchMax`, {
    ...timeouts,
    batchMax,
  })

async function isStillAbandoned(uploadId: string, world: World): Promise<boolean> {
  const sql = `select upload.id from uploads upload where upload.id = :uploadId and ${isAbandonedSql}`
  return (await world.db.query(sql, { ...timeouts, uploadId })).length > 0
}

const timeouts = { leaseMs, silentRunMs }

/**
 * Without a valid lease, and without a job that waits or has just started. A failed attempt waits as a job for its
 * next run. An upload that was aborted during processing counts until its worker has confirmed its cleanup.
 */
const isAbandonedSql = `
  (upload.state in ('uploaded', 'processing') or upload.lease_by is not null)
  and (upload.lease_until is null or upload.lease_until < clock_timestamp())
  and not ${isJobAlive(`'process:' || upload.id`, 'case when upload.lease_until is null then :silentRunMs else :leaseMs end')}`
