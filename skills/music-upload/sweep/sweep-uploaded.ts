import { Op } from 'sequelize'
import { Upload } from '../../../models'
import { incomingKey } from '../places'
import { processTrack } from '../process-track'
import { type SweepPage } from '../../../kernel/sweep'

/** Each costs a request to the store; few uploads wait for a worker. */
const uploadsMax = 200

/**
 * Finds uploads whose file vanished before processing, and enqueues them: processing rejects them with a message for
 * the artist.
 */
export const sweepUploaded: SweepPage = async (from, { world, transact, signal }) => {
  const after = from === '' ? {} : { id: { [Op.gt]: from } }
  const waiting = await Upload.findAll({ where: { state: 'uploaded', ...after }, order: ['id'], limit: uploadsMax })
  let missing = 0
  for (const { id } of waiting) {
    if (signal.aborted || (await world.storage.head(incomingKey(id))) !== undefined) continue
    missing += 1
    world.log.warn({ uploadId: id }, 'the file of an upload is missing')
    await transact(({ enqueue }) => enqueue(processTrack, { uploadId: id }, { key: `process:${id}` }))
  }
  return { next: waiting.length < uploadsMax ? '' : (waiting.at(-1)?.id ?? ''), missing }
}
