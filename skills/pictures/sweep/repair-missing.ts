import { type JobContext } from '../../../kernel/job'
import { repairPicture } from '../repair-picture'
import { pictureFiles } from '../rules'
import { idIn } from './form'

const reportedMax = 1_000
const namedMax = 20
const [firstId, lastId] = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

/**
 * Enqueues a repair of shown pictures that lack a file on this page of the listing, and returns their number. Ids and
 * keys sort alike, so a page of keys is a range of pictures.
 */
export async function repairMissing(
  page: { after: string; last: string | undefined; keys: readonly string[] },
  { world, signal, transact }: Pick<JobContext, 'world' | 'signal' | 'transact'>,
): Promise<number> {
  const { after, last, keys } = page
  const suspects = await world.db.call<{ id: string; key: string }>(
    `select id, key from pictures
     cross join lateral (select concat('pictures/', id, '/', file) as key from unnest($6::text[]) as file) as needed
     where state = 'ready' and id >= $1::uuid and id <= $2::uuid
       and key collate "C" > $3 and ($4::text is null or key collate "C" <= $4) and key <> all($5::text[])
     order by id limit ${reportedMax}`,
    [idIn(after) ?? firstId, idIn(last) ?? lastId, after, last ?? null, keys, pictureFiles],
  )
  const lost = new Set<string>()
  for (const { id, key } of suspects) {
    if (signal.aborted) break
    if (!lost.has(id) && (await isLost(id, key, { world }))) lost.add(id)
  }
  if (lost.size === 0) return 0
  const pictures = [...lost]
  world.log.warn({ pictures: pictures.slice(0, namedMax), count: lost.size }, 'files of pictures are missing')
  await transact(async ({ enqueue }) => {
    for (const pictureId of pictures)
      await enqueue(repairPicture, { pictureId }, { key: `repair-picture:${pictureId}` })
  })
  return lost.size
}

/** Checks again: the file may have been stored after the listing, or the picture removed. */
async function isLost(id: string, key: string, { world }: Pick<JobContext, 'world'>): Promise<boolean> {
  if ((await world.storage.head(key)) !== undefined) return false
  return (await world.db.call(`select 1 from pictures where id = $1 and state = 'ready'`, [id])).length > 0
}
