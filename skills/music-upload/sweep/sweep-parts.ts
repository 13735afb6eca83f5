import { type JobContext } from '../../../kernel/events/job'
import { orphanAgeMs, sweepPageMax, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { audioKeyPattern, incomingKeyPattern } from './key-patterns'

type IsNeeded = (key: string, multipartId: string, context: Pick<JobContext, 'app'>) => Promise<boolean>

/** Aborts multipart uploads that no pending upload uses. */
export const sweepSentParts: SweepPage = (from, context) =>
  sweepPartsUnder('incoming/', from, context, (key, multipartId, { app }) =>
    exists(
      app,
      `id = $1::uuid and multipart_id = $2 and state = 'initiated'`,
      incomingKeyPattern.exec(key)?.[1],
      multipartId,
    ),
  )

/** Aborts multipart uploads of streams whose worker was killed. */
export const sweepStreamParts: SweepPage = (from, context) =>
  sweepPartsUnder('audio/', from, context, (key, _multipartId, { app }) =>
    exists(app, `id = $1::uuid and state in ('uploaded', 'processing')`, audioKeyPattern.exec(key)?.[2]),
  )

async function sweepPartsUnder(prefix: string, from: string, context: JobContext, isNeeded: IsNeeded) {
  const { app, signal } = context
  const [key = '', multipartId = ''] = from.split(' ')
  const after = from === '' ? undefined : { key, multipartId }
  const { uploads, next } = await app.storage.listMultipartUploads(prefix, after, sweepPageMax)
  const oldest = app.clock.now() - orphanAgeMs
  for (const { key, multipartId, begunAt } of uploads) {
    const isKnown = incomingKeyPattern.test(key) || audioKeyPattern.test(key)
    if (!isKnown || begunAt.getTime() >= oldest || signal.aborted) continue
    if (await isNeeded(key, multipartId, context)) continue
    await app.storage.abortMultipartUpload(key, multipartId)
    app.metrics.bucketOrphansDeleted.inc({ what: 'parts' })
    app.log.info({ key }, 'aborted an orphaned multipart upload')
  }
  return { nextCursor: next === undefined ? '' : `${next.key} ${next.multipartId}`, missing: 0 }
}

async function exists(app: JobContext['app'], condition: string, ...values: unknown[]): Promise<boolean> {
  return (await app.db.queryBound(`select 1 from uploads where ${condition}`, values)).length > 0
}
