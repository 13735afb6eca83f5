import { type JobContext } from '../../../kernel/job'
import { pageMax, removeOrphans, type SweepPage } from '../../../kernel/sweep'
import { replacedKeptMs } from '../rules'
import { drawnForm, idIn } from './form'
import { repairMissing } from './repair-missing'

/** The job that removes one that was replaced is given so long before it is taken for lost. */
const removalLateMs = 60 * 60_000

/** What is shown, both ways: what is left of pictures that are over goes, what pictures have lost is drawn anew or told. */
export const sweepDrawn: SweepPage = async (place, context) => {
  const { objects, more } = await context.world.storage.listObjects('pictures/', place, pageMax)
  const keys = objects.map(({ key }) => key)
  const ours = objects.filter(({ key }) => drawnForm.test(key))
  await removeOrphans(ours, keys => wantedOf(keys, context), context)
  const last = more ? keys.at(-1) : undefined
  return { next: last ?? '', missing: await repairMissing({ after: place, last, keys }, context) }
}

/** One that was replaced is shown for a while, by whoever has not heard of it. */
async function wantedOf(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const rows = await world.db.call<{ id: string }>(
    `select id from pictures where id = any($1::uuid[]) and (state in ('uploaded', 'ready')
       or (state = 'replaced' and coalesce(replaced_at > $2, true)))`,
    [keys.map(idIn), new Date(world.clock.now() - replacedKeptMs - removalLateMs)],
  )
  const wanted = new Set(rows.map(({ id }) => id))
  return new Set(keys.filter(key => wanted.has(idIn(key) ?? '')))
}
