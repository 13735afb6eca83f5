import { type JobContext } from '../../../kernel/events/job'
import { sweepPageMax, deleteOrphans, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { incomingKey, incomingKeyPattern } from '../../../kernel/platform/incoming-files'
import { uploadNeedsFileSql } from '../views'

/**
 * Deletes sent files of uploads and pictures that have ended or do not exist. Both share the prefix `incoming/`, so one
 * sweep has to know both. Keys of any other form are left alone.
 */
export const sweepIncoming: SweepPage = async (from, context) => {
  const { objects, more } = await context.app.storage.listObjects('incoming/', from, sweepPageMax)
  const known = objects.filter(({ key }) => incomingKeyPattern.test(key))
  await deleteOrphans(known, keys => neededAmong(keys, context), context)
  return { nextCursor: more ? (objects.at(-1)?.key ?? '') : '', missing: 0 }
}

async function neededAmong(keys: readonly string[], { app }: Pick<JobContext, 'app'>): Promise<Set<string>> {
  const ids = keys.map(key => incomingKeyPattern.exec(key)?.[1])
  const rows = await app.db.queryBound<{ id: string }>(
    `select id from uploads upload where id = any($2::uuid[]) and ${uploadNeedsFileSql}
     union all
     select id from pictures where id = any($2::uuid[]) and state in ('initiated', 'uploaded')`,
    [new Date(app.clock.now()), ids],
  )
  return new Set(rows.map(({ id }) => incomingKey(id)))
}
