import { job, type JobContext } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { pageMax, removeOrphans, sweepAreas, type SweepPage } from '../../kernel/sweep'

const form = /^pictures\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//
const [firstId, lastId] = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
const namedMax = 20

/** Compares what was drawn with the database, both ways: a net below the jobs that remove what is shown no longer. */
export const sweepPictures = job({
  name: 'pictures.sweepPictures',
  payload: nothing,
  attemptsMax: 3,
  cron: '43 * * * *',

  run: (_payload, context) => sweepAreas({ pictures: sweepDrawn }, context),
})

const sweepDrawn: SweepPage = async (place, context) => {
  const { objects, more } = await context.world.storage.listObjects('pictures/', place, pageMax)
  const ours = objects.filter(({ key }) => form.test(key))
  await removeOrphans(ours, keys => wantedOf(keys, context), context)
  const last = more ? objects.at(-1)?.key : undefined
  return {
    next: last ?? '',
    missing: await reportMissing(
      place,
      last,
      ours.map(({ key }) => key),
      context,
    ),
  }
}

/** One that was replaced is shown for a while, by whoever has not heard of it: it goes by a job of its own. */
async function wantedOf(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const rows = await world.db.call<{ id: string }>(
    `select id from pictures where id = any($1::uuid[]) and state in ('uploaded', 'ready', 'replaced')`,
    [keys.map(idIn)],
  )
  const wanted = new Set(rows.map(({ id }) => id))
  return new Set(keys.filter(key => wanted.has(idIn(key) ?? '')))
}

/** Pictures that are shown and of which nothing is on this page of the listing; ids and keys sort alike. */
async function reportMissing(
  after: string,
  last: string | undefined,
  keys: readonly string[],
  { world }: Pick<JobContext, 'world'>,
): Promise<number> {
  const lost = await world.db.call<{ id: string }>(
    `select id from pictures where state = 'ready' and id > $1::uuid and id <= $2::uuid and id <> all($3::uuid[])
     order by id limit 1000`,
    [idIn(after) ?? firstId, idIn(last) ?? lastId, keys.map(idIn)],
  )
  if (lost.length > 0) {
    const pictures = lost.slice(0, namedMax).map(({ id }) => id)
    world.log.warn({ pictures, count: lost.length }, 'the files of pictures are not in the bucket')
  }
  return lost.length
}

const idIn = (key: string | undefined) => (key === undefined ? undefined : form.exec(key)?.[1])
