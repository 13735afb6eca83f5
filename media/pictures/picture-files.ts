/**
 * Most pixels to decode. 25 megapixels took 0.2 to 0.65 s of one core, and 30 MB (JPEG) to 190 MB (PNG, 16 bits,
 * interlaced).
 */
export const picturePixelsMax = 25_000_000
/** Shortest side: smaller pictures would look blurred. */
export const pictureSideMin = 100

/** Side lengths of the squares, in pixels; never larger than the original. */
export const pictureSizes = [1000, 500, 250] as const

/** Files rendered for every picture; its URL ends with one of these names. */
export const pictureFiles = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'] as const
export type PictureFile = (typeof pictureFiles)[number]

export const pictureContentType = (file: PictureFile): string => (file.endsWith('.webp') ? 'image/webp' : 'image/jpeg')
