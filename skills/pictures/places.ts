import { type Context } from '../../kernel/context'
import { type Picture } from '../../models'
import { removeFiles } from './remove-files'
import { type PictureFile } from './rules'

/** Where a file waits until it was redrawn. */
export const incomingKey = (pictureId: string): string => `incoming/${pictureId}`

/** Where a file of a picture lies for good; what is there never changes. The same as its path at the edge. */
export const pictureKey = (pictureId: string, file: PictureFile): string => `${picturePrefix(pictureId)}${file}`

export const picturePrefix = (pictureId: string): string => `pictures/${pictureId}/`

/**
 * Has the waiting file of a picture removed: at once, and again when its last presigned URL is dead, since until then
 * whoever holds it can send the file once more.
 */
export async function forgetIncoming(
  { id, putExpiresAt }: Pick<Picture, 'id' | 'putExpiresAt'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  const prefixes = [incomingKey(id)]
  await enqueue(removeFiles, { prefixes })
  if (putExpiresAt > now) await enqueue(removeFiles, { prefixes }, { runAt: putExpiresAt })
}

/** Has everything removed that was made of a picture, now or later. */
export const forgetFiles = (pictureId: string, { enqueue }: Pick<Context, 'enqueue'>, runAt?: Date): Promise<void> =>
  enqueue(removeFiles, { prefixes: [picturePrefix(pictureId)] }, runAt === undefined ? {} : { runAt })
