import { type JobContext } from '../../../kernel/events/job'
import { firstUuid, lastUuid } from '../../../kernel/pipeline/uuid'
import { repairPicture } from '../repair-picture'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { pictureIdOf } from '../object-keys'

const reportedMax = 1_000
const namedMax = 20

/**
 * Enqueues a repair of shown pictures that lack a file on this page of the listing, and returns their number. Ids and
 * keys sort alike, so a page of keys is a range of pictures.
 */
export async function repairMissing(
  page: { after: string; last: string | undefined; keys: readonly string[] },
  { app, signal, transact }: Pick<JobContext, 'app' | 'signal' | 'transact'>,
): Promise<number> {
  const { after, last, keys } = page
  const suspects = await app.db.queryBound<{ id: string; key: string }>(
    `select id, key from pictures
     cross join lateral (select concat('pictures/', id, '/', file) as key from unnest($6::text[]) as file) as needed
     where state = 'ready' and id >= $1::uuid and id <= $2::uuid
       and key collate "C" > $3 and ($4::text is null or key collate "C" <= $4) and key <> all($5::text[])
     order by id limit ${reportedMax}`,
    [pictureIdOf(after) ?? firstUuid, pictureIdOf(last) ?? lastUuid, after, last ?? null, keys, pictureFiles],
  )
  const lost = new Set<string>()
  for (const { id, key } of suspects) {
    if (signal.aborted) break
    if (!lost.has(id) && (await isLost(id, key, { app }))) lost.add(id)
  }
  if (lost.size === 0) return 0
  const pictures = [...lost]
  app.log.warn({ pictures: pictures.slice(0, namedMax), count: lost.size }, 'files of pictures are missing')
  await transact(async ({ enqueue }) => {
    for (const pictureId of pictures)
      await enqueue(repairPicture, { pictureId }, { key: `repair-picture:${pictureId}` })
  })
  return lost.size
}

/** Checks again: the file may have been stored after the listing, or the picture removed. */
async function isLost(id: string, key: string, { app }: Pick<JobContext, 'app'>): Promise<boolean> {
  if ((await app.storage.head(key)) !== undefined) return false
  return (await app.db.queryBound(`select 1 from pictures where id = $1 and state = 'ready'`, [id])).length > 0
}
