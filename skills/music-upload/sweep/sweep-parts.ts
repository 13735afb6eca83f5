import { type JobContext } from '../../../kernel/job'
import { orphanAgeMs, pageMax, type SweepPage } from '../../../kernel/sweep'
import { incomingForm } from './wants'

/** Parts that wait in the store for an upload that does not wait for them. */
export const sweepParts: SweepPage = async (place, context) => {
  const { world, signal } = context
  const [key = '', multipartId = ''] = place.split(' ')
  const after = place === '' ? undefined : { key, multipartId }
  const { uploads, next } = await world.storage.listOpenParts('incoming/', after, pageMax)
  const oldest = world.clock.now() - orphanAgeMs
  for (const { key, multipartId, begunAt } of uploads) {
    const uploadId = incomingForm.exec(key)?.[1]
    if (uploadId === undefined || begunAt.getTime() >= oldest || signal.aborted) continue
    if (await isWanted(uploadId, multipartId, context)) continue
    await world.storage.dropParts(key, multipartId)
    world.metrics.bucketSwept.inc({ what: 'parts' })
    world.log.info({ key }, 'removed parts that nobody wants')
  }
  return { next: next === undefined ? '' : `${next.key} ${next.multipartId}`, missing: 0 }
}

async function isWanted(uploadId: string, multipartId: string, { world }: Pick<JobContext, 'world'>) {
  const rows = await world.db.call(
    `select 1 from uploads where id = $1::uuid and multipart_id = $2 and state = 'initiated'`,
    [uploadId, multipartId],
  )
  return rows.length > 0
}
