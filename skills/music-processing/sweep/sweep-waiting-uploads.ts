import { Op } from 'sequelize'
import { Upload } from '../../../models'
import { incomingKey } from '../../../kernel/platform/incoming-files'
import { enqueueProcessing } from '../process-upload'
import { type SweepPage } from '../../../kernel/platform/bucket-sweep'

/** Each costs a request to the store; few uploads wait for a worker. */
const uploadsMax = 200

/**
 * Finds uploads whose file vanished before processing, and enqueues them: processing rejects them with a message for
 * the artist.
 */
export const sweepWaitingUploads: SweepPage = async (from, { app, transact, signal }) => {
  const after = from === '' ? {} : { id: { [Op.gt]: from } }
  const waiting = await Upload.findAll({ where: { state: 'uploaded', ...after }, order: ['id'], limit: uploadsMax })
  let missing = 0
  for (const { id } of waiting) {
    if (signal.aborted || (await app.storage.head(incomingKey(id))) !== undefined) continue
    missing += 1
    app.log.warn({ uploadId: id }, 'the file of an upload is missing')
    await transact(inside => enqueueProcessing(id, inside))
  }
  return { nextCursor: waiting.length < uploadsMax ? '' : (waiting.at(-1)?.id ?? ''), missing }
}
