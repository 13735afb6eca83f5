import { type JobContext } from '../../../kernel/job'
import { orphanAgeMs, pageMax, type SweepPage } from '../../../kernel/sweep'
import { audioForm, incomingForm } from './wants'

type IsNeeded = (key: string, multipartId: string, context: Pick<JobContext, 'world'>) => Promise<boolean>

/** Aborts multipart uploads that no pending upload uses. */
export const sweepParts: SweepPage = (from, context) =>
  sweepPartsUnder('incoming/', from, context, (key, multipartId, { world }) =>
    exists(
      world,
      `id = $1::uuid and multipart_id = $2 and state = 'initiated'`,
      incomingForm.exec(key)?.[1],
      multipartId,
    ),
  )

/** Aborts multipart uploads of streams whose worker was killed. */
export const sweepStreamParts: SweepPage = (from, context) =>
  sweepPartsUnder('audio/', from, context, (key, _multipartId, { world }) =>
    exists(world, `id = $1::uuid and state in ('uploaded', 'processing')`, audioForm.exec(key)?.[2]),
  )

async function sweepPartsUnder(prefix: string, from: string, context: JobContext, isNeeded: IsNeeded) {
  const { world, signal } = context
  const [key = '', multipartId = ''] = from.split(' ')
  const after = from === '' ? undefined : { key, multipartId }
  const { uploads, next } = await world.storage.listOpenParts(prefix, after, pageMax)
  const oldest = world.clock.now() - orphanAgeMs
  for (const { key, multipartId, begunAt } of uploads) {
    const isKnown = incomingForm.test(key) || audioForm.test(key)
    if (!isKnown || begunAt.getTime() >= oldest || signal.aborted) continue
    if (await isNeeded(key, multipartId, context)) continue
    await world.storage.dropParts(key, multipartId)
    world.metrics.bucketSwept.inc({ what: 'parts' })
    world.log.info({ key }, 'aborted an orphaned multipart upload')
  }
  return { next: next === undefined ? '' : `${next.key} ${next.multipartId}`, missing: 0 }
}

async function exists(world: JobContext['world'], condition: string, ...values: unknown[]): Promise<boolean> {
  return (await world.db.call(`select 1 from uploads where ${condition}`, values)).length > 0
}
