import { type Context } from '../../kernel/pipeline/context'
import { uuidPattern } from '../../kernel/pipeline/uuid'
import { deleteObjects } from '../../kernel/platform/delete-objects'
import { type PictureFile } from '../../media/pictures/picture-files'

/** The key of a rendered file, which never changes; it is also the path at the CDN. */
export const pictureKey = (pictureId: string, file: PictureFile): string => `${picturePrefix(pictureId)}${file}`

export const picturePrefix = (pictureId: string): string => `pictures/${pictureId}/`

/** Deletes all rendered files of a picture, now or at `runAt`. */
export const deletePictureFiles = (
  pictureId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
  runAt?: Date,
): Promise<void> =>
  enqueue(deleteObjects, { prefixes: [picturePrefix(pictureId)] }, runAt === undefined ? {} : { runAt })

/** Keys of rendered files; captures the id. */
export const pictureKeyPattern = new RegExp(`^pictures/(${uuidPattern})/`)

/** The picture id in a key. */
export const pictureIdOf = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : pictureKeyPattern.exec(key)?.[1]
