import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { Refusal, refusals } from '../../kernel/refusals'
import { type Picture } from '../../models'
import { drawPicture } from './drawing/draw-picture'
import { Rejection } from './drawing/rejection'
import { incomingKey, pictureKey } from './places'
import { pictureFiles } from './rules'

/**
 * Fetches what was sent, draws it anew in all sizes, and stores what is served. Changes no row.
 * @returns the colour that stands for it
 * @throws Rejection
 */
export async function redraw(picture: Picture, { world, signal }: JobContext): Promise<string> {
  const bytes = await fetchSent(picture, { world, signal })
  const { files, color } = await drawPicture(bytes)
  for (const file of pictureFiles) {
    signal.throwIfAborted()
    const contentType = file.endsWith('.webp') ? 'image/webp' : 'image/jpeg'
    await world.storage.put(pictureKey(picture.id, file), files[file], contentType, { cacheControl })
  }
  return color
}

/** For ever in browsers; a day in what many share, so that a picture that was taken away leaves the edge by itself. */
const cacheControl = 'public, max-age=31536000, s-maxage=86400, immutable'

async function fetchSent({ id, etag, sha256 }: Picture, { world, signal }: Pick<JobContext, 'world' | 'signal'>) {
  if (etag === null) throw new Error('a picture is processed before it was finalized')
  return inPrivateFolder(async folder => {
    const path = join(folder, 'original')
    const fetched = await world.storage.download(incomingKey(id), path, { etag, signal }).catch(asRejection)
    if (fetched.sha256 !== sha256) throw new Rejection('file_changed')
    return readFile(path)
  })
}

/** What was pinned is not there any more. */
function asRejection(error: unknown): never {
  if (error instanceof Refusal && error.kind === refusals.conflict) throw new Rejection('file_changed')
  throw error
}
