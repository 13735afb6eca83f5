import { Op } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Upload } from '../../models'
import { uploadChanged } from './events'
import { transition } from './rules'
import { viewUpload } from './views'

const batchMax = 100

/**
 * Expires uploads whose file was not finalized in time, and closes the retry window of failed ones, so that they free
 * their quota and their objects.
 */
export const expireUploads = job({
  name: 'music-upload.expireUploads',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '*/10 * * * *',

  async run(_payload, { transact, signal }) {
    while (!signal.aborted && (await transact(expireBatch)) === batchMax);
    while (!signal.aborted && (await transact(closeRetryBatch)) === batchMax);
  },
})

async function expireBatch(context: Context): Promise<number> {
  const overdue = await Upload.findAll({
    where: { state: 'initiated', expiresAt: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const upload of overdue) {
    await upload.update({ state: transition(upload.state, 'expired') })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await deleteIncoming(upload, context)
  }
  return overdue.length
}

async function closeRetryBatch(context: Context): Promise<number> {
  const overdue = await Upload.findAll({
    where: { state: 'failed', retryUntil: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const upload of overdue) {
    await upload.update({ retryUntil: null })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await deleteIncoming(upload, context)
  }
  return overdue.length
}
