import { type JobContext } from '../../../kernel/job'
import { orphanAgeMs, pageMax, type SweepPage } from '../../../kernel/sweep'
import { audioForm, incomingForm } from './wants'

type IsWanted = (key: string, multipartId: string, context: Pick<JobContext, 'world'>) => Promise<boolean>

/** Parts that wait in the store for an upload that does not wait for them. */
export const sweepParts: SweepPage = (place, context) =>
  sweepPartsUnder('incoming/', place, context, (key, multipartId, { world }) =>
    isThere(
      world,
      `id = $1::uuid and multipart_id = $2 and state = 'initiated'`,
      incomingForm.exec(key)?.[1],
      multipartId,
    ),
  )

/** Parts of streams that a worker was storing when it was killed. */
export const sweepStreamParts: SweepPage = (place, context) =>
  sweepPartsUnder('audio/', place, context, (key, _multipartId, { world }) =>
    isThere(world, `id = $1::uuid and state in ('uploaded', 'processing')`, audioForm.exec(key)?.[2]),
  )

async function sweepPartsUnder(prefix: string, place: string, context: JobContext, isWanted: IsWanted) {
  const { world, signal } = context
  const [key = '', multipartId = ''] = place.split(' ')
  const after = place === '' ? undefined : { key, multipartId }
  const { uploads, next } = await world.storage.listOpenParts(prefix, after, pageMax)
  const oldest = world.clock.now() - orphanAgeMs
  for (const { key, multipartId, begunAt } of uploads) {
    const isOurs = incomingForm.test(key) || audioForm.test(key)
    if (!isOurs || begunAt.getTime() >= oldest || signal.aborted) continue
    if (await isWanted(key, multipartId, context)) continue
    await world.storage.dropParts(key, multipartId)
    world.metrics.bucketSwept.inc({ what: 'parts' })
    world.log.info({ key }, 'removed parts that nobody wants')
  }
  return { next: next === undefined ? '' : `${next.key} ${next.multipartId}`, missing: 0 }
}

async function isThere(world: JobContext['world'], condition: string, ...values: unknown[]): Promise<boolean> {
  return (await world.db.call(`select 1 from uploads where ${condition}`, values)).length > 0
}
