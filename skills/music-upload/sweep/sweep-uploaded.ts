import { Op } from 'sequelize'
import { Upload } from '../../../models'
import { incomingKey } from '../places'
import { processTrack } from '../process-track'
import { type SweepPage } from '../../../kernel/sweep'

/** Each costs a question to the store: those that wait for a worker are few. */
const uploadsMax = 200

/** Uploads whose file is gone before a worker came: it is sent there, finds that out and says so to the artist. */
export const sweepUploaded: SweepPage = async (place, { world, transact, signal }) => {
  const after = place === '' ? {} : { id: { [Op.gt]: place } }
  const waiting = await Upload.findAll({ where: { state: 'uploaded', ...after }, order: ['id'], limit: uploadsMax })
  let missing = 0
  for (const { id } of waiting) {
    if (signal.aborted || (await world.storage.head(incomingKey(id))) !== undefined) continue
    missing += 1
    world.log.warn({ uploadId: id }, 'the file of an upload is not in the bucket')
    await transact(({ enqueue }) => enqueue(processTrack, { uploadId: id }, { key: `process:${id}` }))
  }
  return { next: waiting.length < uploadsMax ? '' : (waiting.at(-1)?.id ?? ''), missing }
}
