import { type JobContext } from '../../../kernel/job'
import { pageMax, removeOrphans, type SweepPage } from '../../../kernel/sweep'
import { incomingForm, uploadWantsFile } from './wants'

/** Files that were sent for uploads and pictures which are over, or which nobody knows. What is not named as ours is left alone. */
export const sweepIncoming: SweepPage = async (place, context) => {
  const { objects, more } = await context.world.storage.listObjects('incoming/', place, pageMax)
  const ours = objects.filter(({ key }) => incomingForm.test(key))
  await removeOrphans(ours, keys => wantedOf(keys, context), context)
  return { next: more ? (objects.at(-1)?.key ?? '') : '', missing: 0 }
}

async function wantedOf(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const ids = keys.map(key => incomingForm.exec(key)?.[1])
  const rows = await world.db.call<{ id: string }>(
    `select id from uploads upload where id = any($2::uuid[]) and ${uploadWantsFile}
     union all
     select id from pictures where id = any($2::uuid[]) and state in ('initiated', 'uploaded')`,
    [new Date(world.clock.now()), ids],
  )
  return new Set(rows.map(({ id }) => `incoming/${id}`))
}
