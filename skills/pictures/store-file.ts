import { type World } from '../../kernel/world'
import { pictureKey } from './places'
import { type PictureFile } from './rules'

/** Stores one of the files that are served of a picture. */
export const storeFile = (pictureId: string, file: PictureFile, bytes: Buffer, { storage }: Pick<World, 'storage'>) =>
  storage.put(pictureKey(pictureId, file), bytes, typeOf(file), { cacheControl })

const typeOf = (file: PictureFile): string => (file.endsWith('.webp') ? 'image/webp' : 'image/jpeg')

/** For ever in browsers; a day in what many share, so that a picture that was taken away leaves the edge by itself. */
const cacheControl = 'public, max-age=31536000, s-maxage=86400, immutable'
