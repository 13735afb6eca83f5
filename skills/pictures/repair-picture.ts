import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Job, job, type JobContext } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { id, shape } from '../../kernel/schema'
import { Picture } from '../../models'
import { drawApart } from './drawing/draw-apart'
import { mayBeSeen } from './may-be-seen'
import { pictureKey, picturePrefix } from './places'
import { type PictureFile, pictureFiles } from './rules'
import { storeFile } from './store-file'

/**
 * Renders missing files of a picture from the largest one left, slightly less sharp, since the original is not kept.
 * When none is left, logs it at each sweep of the bucket.
 */
export const repairPicture: Job<{ pictureId: string }> = job({
  name: 'pictures.repairPicture',
  payload: shape({ pictureId: id }),
  attemptsMax: 5,

  async run({ pictureId }, context) {
    const { world } = context
    if ((await Picture.count({ where: { id: pictureId, state: 'ready' } })) === 0) return
    const there = await filesOf(pictureId, context)
    const missing = pictureFiles.filter(file => !there.has(file))
    const best = largestFirst.find(file => there.has(file))
    if (best === undefined) world.log.warn({ pictureId }, 'all files of a picture are missing')
    else if (missing.length > 0) await renderFrom(best, missing, pictureId, context)
  },
})

/** At equal size WebP first: it has lost less detail. */
const largestFirst = [...pictureFiles].sort((one, other) => parseInt(other) - parseInt(one))

async function filesOf(pictureId: string, { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const prefix = picturePrefix(pictureId)
  const { objects } = await world.storage.listObjects(prefix, '', 100)
  return new Set(objects.map(({ key }) => key.slice(prefix.length)))
}

async function renderFrom(
  best: PictureFile,
  missing: readonly PictureFile[],
  pictureId: string,
  { world, signal }: JobContext,
): Promise<void> {
  const bytes = await world.storage.get(pictureKey(pictureId, best))
  if (bytes === undefined) throw new Error('the source file of a repair is gone')
  await inPrivateFolder(async folder => {
    const path = join(folder, 'left')
    await writeFile(path, bytes)
    await drawApart(path, folder, signal)
    for (const file of missing) await storeFile(pictureId, file, await readFile(join(folder, file)), world)
  })
  world.log.info({ pictureId, missing, best }, 'repaired a picture')
  // The picture may have been removed meanwhile, and its files deleted before these were stored.
  const seen = { id: pictureId, ...mayBeSeen(['ready'], new Date(world.clock.now())) }
  if ((await Picture.count({ where: seen })) === 0) await world.storage.removeUnder(picturePrefix(pictureId))
}
