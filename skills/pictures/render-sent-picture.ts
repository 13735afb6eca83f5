import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/events/job'
import { inPrivateFolder } from '../../media/private-folder'
import { downloadIncoming } from '../../kernel/platform/incoming-files'
import { type Picture } from '../../models'
import { renderIsolated } from '../../media/pictures/render-isolated'
import { pictureFiles } from '../../media/pictures/picture-files'
import { storePictureFile } from './store-picture-file'

/**
 * Downloads the sent file, renders all sizes, and stores them. Writes nothing to the database.
 * @returns the dominant color
 * @throws FileChanged, Rejection, SuspectedRejection
 */
export const renderSentPicture = (
  picture: Picture,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<string> =>
  inPrivateFolder(async folder => {
    const path = join(folder, 'original')
    await downloadIncoming(picture, path, { app, signal })
    const color = await renderIsolated(path, folder, signal)
    for (const file of pictureFiles) {
      signal.throwIfAborted()
      await storePictureFile(picture.id, file, await readFile(join(folder, file)), app)
    }
    return color
  })
