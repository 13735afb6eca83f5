import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Job, job, type JobContext } from '../../kernel/events/job'
import { inPrivateFolder } from '../../media/private-folder'
import { id, shape } from '../../kernel/pipeline/schema'
import { Picture } from '../../models'
import { renderIsolated } from '../../media/pictures/render-isolated'
import { stillServed } from './still-served'
import { pictureKey, picturePrefix } from './object-keys'
import { type PictureFile, pictureFiles } from '../../media/pictures/picture-files'
import { storePictureFile } from './store-picture-file'

/**
 * Renders missing files of a picture from the largest one left, slightly less sharp, since the original is not kept.
 * When none is left, logs it at each sweep of the bucket.
 */
export const repairPicture: Job<{ pictureId: string }> = job({
  name: 'pictures.repairPicture',
  payload: shape({ pictureId: id }),
  attemptsMax: 5,

  async run({ pictureId }, context) {
    const { app } = context
    if ((await Picture.count({ where: { id: pictureId, state: 'ready' } })) === 0) return
    const there = await filesOf(pictureId, context)
    const missing = pictureFiles.filter(file => !there.has(file))
    const best = largestFirst.find(file => there.has(file))
    if (best === undefined) app.log.warn({ pictureId }, 'all files of a picture are missing')
    else if (missing.length > 0) await renderFrom(best, missing, pictureId, context)
  },
})

/** At equal size WebP first: it has lost less detail. */
const largestFirst = [...pictureFiles].sort((one, other) => parseInt(other) - parseInt(one))

async function filesOf(pictureId: string, { app }: Pick<JobContext, 'app'>): Promise<Set<string>> {
  const prefix = picturePrefix(pictureId)
  const { objects } = await app.storage.listObjects(prefix, '', 100)
  return new Set(objects.map(({ key }) => key.slice(prefix.length)))
}

async function renderFrom(
  best: PictureFile,
  missing: readonly PictureFile[],
  pictureId: string,
  { app, signal }: JobContext,
): Promise<void> {
  const bytes = await app.storage.get(pictureKey(pictureId, best))
  if (bytes === undefined) throw new Error('the source file of a repair is missing')
  await inPrivateFolder(async folder => {
    const path = join(folder, 'left')
    await writeFile(path, bytes)
    await renderIsolated(path, folder, signal)
    for (const file of missing) await storePictureFile(pictureId, file, await readFile(join(folder, file)), app)
  })
  app.log.info({ pictureId, missing, best }, 'repaired a picture')
  // The picture may have been removed meanwhile, and its files deleted before these were stored.
  const seen = { id: pictureId, ...stillServed(['ready'], new Date(app.clock.now())) }
  if ((await Picture.count({ where: seen })) === 0) await app.storage.deletePrefix(picturePrefix(pictureId))
}
