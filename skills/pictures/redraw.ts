import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { Refusal, refusals } from '../../kernel/refusals'
import { type Picture } from '../../models'
import { drawApart } from './drawing/draw-apart'
import { Rejection } from './drawing/rejection'
import { incomingKey } from './places'
import { pictureFiles } from './rules'
import { storeFile } from './store-file'

/**
 * Downloads the sent file, renders all sizes, and stores them. Writes nothing to the database.
 * @returns the dominant color
 * @throws Rejection, SuspectedRejection
 */
export const redraw = (picture: Picture, { world, signal }: Pick<JobContext, 'world' | 'signal'>): Promise<string> =>
  inPrivateFolder(async folder => {
    const path = join(folder, 'original')
    await fetchSent(picture, path, { world, signal })
    const color = await drawApart(path, folder, signal)
    for (const file of pictureFiles) {
      signal.throwIfAborted()
      await storeFile(picture.id, file, await readFile(join(folder, file)), world)
    }
    return color
  })

async function fetchSent(
  { id, etag, sha256 }: Picture,
  path: string,
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<void> {
  if (etag === null) throw new Error('a picture was processed before it was finalized')
  const fetched = await world.storage.download(incomingKey(id), path, { etag, signal }).catch(asRejection)
  if (fetched.sha256 !== sha256) throw new Rejection('file_changed')
}

/** The object with the pinned ETag is gone. */
function asRejection(error: unknown): never {
  if (error instanceof Refusal && error.kind === refusals.conflict) throw new Rejection('file_changed')
  throw error
}
