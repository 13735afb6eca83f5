import { type AppContext } from '../../kernel/platform/app-context'
import { pictureKey } from './object-keys'
import { type PictureFile } from './rules'

/** Stores a rendered file. */
export const storePictureFile = (
  pictureId: string,
  file: PictureFile,
  bytes: Buffer,
  { storage }: Pick<AppContext, 'storage'>,
) => storage.put(pictureKey(pictureId, file), bytes, typeOf(file), { cacheControl })

const typeOf = (file: PictureFile): string => (file.endsWith('.webp') ? 'image/webp' : 'image/jpeg')

/** Browsers cache it for a year, shared caches for a day, so that a removed picture leaves the CDN. */
const cacheControl = 'public, max-age=31536000, s-maxage=86400, immutable'
