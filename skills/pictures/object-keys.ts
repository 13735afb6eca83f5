import { type Context } from '../../kernel/pipeline/context'
import { type Picture } from '../../models'
import { deleteObjects } from './delete-objects'
import { type PictureFile } from './rules'

/** The key under which a file waits for rendering. */
export const incomingKey = (pictureId: string): string => `incoming/${pictureId}`

/** The key of a rendered file, which never changes; it is also the path at the CDN. */
export const pictureKey = (pictureId: string, file: PictureFile): string => `${picturePrefix(pictureId)}${file}`

export const picturePrefix = (pictureId: string): string => `pictures/${pictureId}/`

/**
 * Deletes the sent file of a picture now, and again when its presigned URL has expired, since the client can send the
 * file again until then.
 */
export async function deleteIncoming(
  { id, putUrlExpiresAt }: Pick<Picture, 'id' | 'putUrlExpiresAt'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const prefixes = [incomingKey(id)]
  await enqueue(deleteObjects, { prefixes })
  if (putUrlExpiresAt > now) await enqueue(deleteObjects, { prefixes }, { runAt: putUrlExpiresAt })
}

/** Deletes all rendered files of a picture, now or at `runAt`. */
export const deletePictureFiles = (
  pictureId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
  runAt?: Date,
): Promise<void> =>
  enqueue(deleteObjects, { prefixes: [picturePrefix(pictureId)] }, runAt === undefined ? {} : { runAt })
