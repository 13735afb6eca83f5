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
 * Draws what is missing of a picture from the largest file of it that is left, since what was sent is not kept: a little less
 * sharp, instead of a hole. Nothing can be done where none is left; it is told again whenever the bucket is swept.
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
    if (best === undefined) world.log.warn({ pictureId }, 'nothing is left of a picture')
    else if (missing.length > 0) await drawFrom(best, missing, pictureId, context)
  },
})

/** At the same size WebP has lost less. */
const largestFirst = [...pictureFiles].sort((one, other) => parseInt(other) - parseInt(one))

async function filesOf(pictureId: string, { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const prefix = picturePrefix(pictureId)
  const { objects } = await world.storage.listObjects(prefix, '', 100)
  return new Set(objects.map(({ key }) => key.slice(prefix.length)))
}

async function drawFrom(
  best: PictureFile,
  missing: readonly PictureFile[],
  pictureId: string,
  { world, signal }: JobContext,
): Promise<void> {
  const bytes = await world.storage.get(pictureKey(pictureId, best))
  if (bytes === undefined) throw new Error('the file that a picture is repaired from is gone by now')
  await inPrivateFolder(async folder => {
    const path = join(folder, 'left')
    await writeFile(path, bytes)
    await drawApart(path, folder, signal)
    for (const file of missing) await storeFile(pictureId, file, await readFile(join(folder, file)), world)
  })
  world.log.info({ pictureId, missing, best }, 'a picture was repaired')
  // It may have been taken away meanwhile, and its files before these were stored.
  const seen = { id: pictureId, ...mayBeSeen(['ready'], new Date(world.clock.now())) }
  if ((await Picture.count({ where: seen })) === 0) await world.storage.removeUnder(picturePrefix(pictureId))
}
