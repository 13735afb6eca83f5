import { type JobContext } from '../../../kernel/job'
import { pageMax, removeOrphans, type SweepPage } from '../../../kernel/sweep'
import { replacedKeptMs } from '../rules'
import { drawnForm, idIn } from './form'
import { repairMissing } from './repair-missing'

/** Grace period for the job that deletes the files of a replaced picture. */
const removalLateMs = 60 * 60_000

/**
 * Sweeps the rendered files both ways: deletes those of ended pictures, repairs or reports those that pictures lack.
 */
export const sweepDrawn: SweepPage = async (from, context) => {
  const { objects, more } = await context.world.storage.listObjects('pictures/', from, pageMax)
  const keys = objects.map(({ key }) => key)
  const known = objects.filter(({ key }) => drawnForm.test(key))
  await removeOrphans(known, keys => neededAmong(keys, context), context)
  const last = more ? keys.at(-1) : undefined
  return { next: last ?? '', missing: await repairMissing({ after: from, last, keys }, context) }
}

/** Files of a replaced picture are needed for a while, by clients that have not been notified. */
async function neededAmong(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const rows = await world.db.call<{ id: string }>(
    `select id from pictures where id = any($1::uuid[]) and (state in ('uploaded', 'ready')
       or (state = 'replaced' and coalesce(replaced_at > $2, true)))`,
    [keys.map(idIn), new Date(world.clock.now() - replacedKeptMs - removalLateMs)],
  )
  const needed = new Set(rows.map(({ id }) => id))
  return new Set(keys.filter(key => needed.has(idIn(key) ?? '')))
}
