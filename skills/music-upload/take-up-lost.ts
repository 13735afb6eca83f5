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
 * Gives the uploads of dead workers to living ones. The job queue alone would wait for four hours, since it can't tell a
 * worker that was killed from one that is busy.
 */
export const takeUpLost = job({
  name: 'music-upload.takeUpLost',
  payload: nothing,
  attemptsMax: 1,
  cron: '* * * * *',

  async run(_payload, { world, transact, signal }) {
    // Each in a transaction of its own: one that cannot be brought back must not hold up the others.
    for (const { id } of await lostUploads(world)) if (!signal.aborted) await transact(inside => takeUp(id, inside))
    for (const job of [processTrack, copyForDownload]) await world.jobs.forgetDead(job)
  },
})

async function takeUp(uploadId: string, context: Context): Promise<void> {
  // Another worker may do the same at this moment.
  const upload = await Upload.findOne({ where: { id: uploadId }, lock: true, skipLocked: true })
  if (upload === null || !(await isStillLost(uploadId, context.world))) return
  await upload.update(noLease)
  if (!isUnderWay(upload.state)) return forgetAborted(upload, context)
  if (upload.attempts >= processingAttemptsMax) return giveUp(uploadId, 'failed', deadlyFile, context)
  await enqueueProcessing(uploadId, context)
}

/** Its worker may have stored something after the abort, and died before it could tell. */
async function forgetAborted({ id, trackId, state }: Upload, context: Context): Promise<void> {
  if (state === 'aborted' && trackId !== null) await forgetVersion({ id, trackId }, context)
}

const lostUploads = (world: World): Promise<{ id: string }[]> =>
  world.db.query(`select upload.id from uploads upload where ${isLost} order by upload.id limit :batchMax`, {
    ...patience,
    batchMax,
  })

async function isStillLost(uploadId: string, world: World): Promise<boolean> {
  const sql = `select upload.id from uploads upload where upload.id = :uploadId and ${isLost}`
  return (await world.db.query(sql, { ...patience, uploadId })).length > 0
}

const patience = { leaseMs, silentRunMs }

/**
 * No lease that is good, and no job that waits or was just begun. An attempt that failed waits as a job for its next time.
 * What was aborted under the hands of a worker counts until the worker has said that it left nothing behind.
 */
const isLost = `
  (upload.state in ('uploaded', 'processing') or upload.lease_by is not null)
  and (upload.lease_until is null or upload.lease_until < clock_timestamp())
  and not ${isJobAlive(`'process:' || upload.id`, 'case when upload.lease_until is null then :silentRunMs else :leaseMs end')}`
