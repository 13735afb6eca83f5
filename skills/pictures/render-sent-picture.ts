import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/events/job'
import { inPrivateFolder } from '../../media/private-folder'
import { Refusal, refusals } from '../../kernel/pipeline/refusals'
import { type Picture } from '../../models'
import { renderIsolated } from '../../media/pictures/render-isolated'
import { Rejection } from '../../media/pictures/rejection'
import { incomingKey } from './object-keys'
import { pictureFiles } from './rules'
import { storePictureFile } from './store-picture-file'

/**
 * Downloads the sent file, renders all sizes, and stores them. Writes nothing to the database.
 * @returns the dominant color
 * @throws Rejection, SuspectedRejection
 */
export const renderSentPicture = (
  picture: Picture,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<string> =>
  inPrivateFolder(async folder => {
    const path = join(folder, 'original')
    await fetchSent(picture, path, { app, signal })
    const color = await renderIsolated(path, folder, signal)
    for (const file of pictureFiles) {
      signal.throwIfAborted()
      await storePictureFile(picture.id, file, await readFile(join(folder, file)), app)
    }
    return color
  })

async function fetchSent(
  { id, etag, sha256 }: Picture,
  path: string,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<void> {
  if (etag === null) throw new Error('a picture was processed before it was finalized')
  const fetched = await app.storage.download(incomingKey(id), path, { etag, signal }).catch(asRejection)
  if (fetched.sha256 !== sha256) throw new Rejection('file_changed')
}

/** The object with the pinned ETag is gone. */
function asRejection(error: unknown): never {
  if (error instanceof Refusal && error.kind === refusals.conflict) throw new Rejection('file_changed')
  throw error
}
