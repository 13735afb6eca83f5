import { type AppContext } from '../../kernel/platform/app-context'
import { pictureKey } from './object-keys'
import { pictureContentType, type PictureFile } from '../../media/pictures/picture-files'

/** Stores a rendered file. */
export const storePictureFile = (
  pictureId: string,
  file: PictureFile,
  bytes: Buffer,
  { storage }: Pick<AppContext, 'storage'>,
) => storage.put(pictureKey(pictureId, file), bytes, pictureContentType(file), { cacheControl })

/** Browsers cache it for a year, shared caches for a day, so that a removed picture leaves the CDN. */
const cacheControl = 'public, max-age=31536000, s-maxage=86400, immutable'
