import { Op } from 'sequelize'
import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { Upload } from '../../models'
import { uploadChanged } from './events'
import { forgetIncoming } from './places'
import { advance } from './upload-state'
import { viewUpload } from './views'

const batchMax = 100

/**
 * Ends uploads whose file was never announced as sent, and the time to try again what failed, so that they take no place and
 * leave nothing in the bucket.
 */
export const expireUploads = job({
  name: 'music-upload.expireUploads',
  payload: nothing,
  attemptsMax: 3,
  cron: '*/10 * * * *',

  async run(_payload, { transact, signal }) {
    while (!signal.aborted && (await transact(expireSome)) === batchMax);
    while (!signal.aborted && (await transact(forgetSomeFailed)) === batchMax);
  },
})

async function expireSome(context: Context): Promise<number> {
  const late = await Upload.findAll({
    where: { state: 'initiated', expiresAt: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const upload of late) {
    await upload.update({ state: advance(upload.state, 'expired') })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await forgetIncoming(upload, context)
  }
  return late.length
}

async function forgetSomeFailed(context: Context): Promise<number> {
  const late = await Upload.findAll({
    where: { state: 'failed', retryUntil: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const upload of late) {
    await upload.update({ retryUntil: null })
    await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
    await forgetIncoming(upload, context)
  }
  return late.length
}
