/** Largest file that one PUT may send. */
export const pictureBytesMax = 10 * 1024 * 1024
/**
 * Most pixels to decode. 25 megapixels took 0.2 to 0.65 s of one core, and 30 MB (JPEG) to 190 MB (PNG, 16 bits,
 * interlaced).
 */
export const picturePixelsMax = 25_000_000
/** Shortest side: smaller pictures would look blurred. */
export const pictureSideMin = 100
/** Pictures per person that wait for their file or are being processed. */
export const pendingPicturesMax = 10
/** Time to send a file after its upload was initiated. */
export const pictureLifeMs = 2 * 60 * 60_000
/** Lifetime of a presigned PUT URL. */
export const picturePutLifeMs = 30 * 60_000
/** How long the files of a replaced picture are kept, for pages that show it. */
export const replacedFilesLifeMs = 24 * 60 * 60_000

/** Content types a client may declare; the actual format is detected from the bytes. No SVG, which can run scripts. */
export const pictureTypes = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'] as const

/** Side lengths of the squares, in pixels; never larger than the original. */
export const pictureSizes = [1000, 500, 250] as const

/** Files rendered for every picture; its URL ends with one of these names. */
export const pictureFiles = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'] as const
export type PictureFile = (typeof pictureFiles)[number]
