import { type JobContext } from '../../../kernel/events/job'
import { sweepPageMax, deleteOrphans, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { replacedFilesLifeMs } from '../rules'
import { pictureKeyPattern, pictureIdOf } from '../object-keys'
import { repairMissing } from './repair-missing'

/** Grace period for the job that deletes the files of a replaced picture. */
const removalLateMs = 60 * 60_000

/**
 * Sweeps the rendered files both ways: deletes those of ended pictures, repairs or reports those that pictures lack.
 */
export const sweepPictureFiles: SweepPage = async (from, context) => {
  const { objects, more } = await context.app.storage.listObjects('pictures/', from, sweepPageMax)
  const keys = objects.map(({ key }) => key)
  const known = objects.filter(({ key }) => pictureKeyPattern.test(key))
  await deleteOrphans(known, keys => neededAmong(keys, context), context)
  const last = more ? keys.at(-1) : undefined
  return { nextCursor: last ?? '', missing: await repairMissing({ after: from, last, keys }, context) }
}

/** Files of a replaced picture are needed for a while, by clients that have not been notified. */
async function neededAmong(keys: readonly string[], { app }: Pick<JobContext, 'app'>): Promise<Set<string>> {
  const rows = await app.db.queryBound<{ id: string }>(
    `select id from pictures where id = any($1::uuid[]) and (state in ('uploaded', 'ready')
       or (state = 'replaced' and replaced_at > $2))`,
    [keys.map(pictureIdOf), new Date(app.clock.now() - replacedFilesLifeMs - removalLateMs)],
  )
  const needed = new Set(rows.map(({ id }) => id))
  return new Set(keys.filter(key => needed.has(pictureIdOf(key) ?? '')))
}
