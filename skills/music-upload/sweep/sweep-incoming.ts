import { type JobContext } from '../../../kernel/job'
import { pageMax, removeOrphans, type SweepPage } from '../../../kernel/sweep'
import { incomingForm, uploadWantsFile } from './wants'

/**
 * Deletes sent files of uploads and pictures that have ended or do not exist. Keys of any other form are left alone.
 */
export const sweepIncoming: SweepPage = async (from, context) => {
  const { objects, more } = await context.world.storage.listObjects('incoming/', from, pageMax)
  const known = objects.filter(({ key }) => incomingForm.test(key))
  await removeOrphans(known, keys => neededAmong(keys, context), context)
  return { next: more ? (objects.at(-1)?.key ?? '') : '', missing: 0 }
}

async function neededAmong(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const ids = keys.map(key => incomingForm.exec(key)?.[1])
  const rows = await world.db.call<{ id: string }>(
    `select id from uploads upload where id = any($2::uuid[]) and ${uploadWantsFile}
     union all
     select id from pictures where id = any($2::uuid[]) and state in ('initiated', 'uploaded')`,
    [new Date(world.clock.now()), ids],
  )
  return new Set(rows.map(({ id }) => `incoming/${id}`))
}
