/** One PUT carries no more than this. */
export const pictureBytesMax = 10 * 1024 * 1024
/** What a decoder has to hold. So many took 0.2 to 0.65 s of one core, and 30 MB (JPEG) to 190 MB (PNG, 16 bits, interlaced). */
export const picturePixelsMax = 25_000_000
/** A picture whose shorter side is less would be a blur wherever it is shown. */
export const pictureSideMin = 100
/** So many pictures of a person may wait for their file or be worked on. */
export const pendingPicturesMax = 10
/** So long a file may be sent after it was announced. */
export const pictureLifeMs = 2 * 60 * 60_000
/** So long the URL for it is good. */
export const picturePutLifeMs = 30 * 60_000
/** So long a picture that another one replaced is still there, for pages that show it. */
export const replacedKeptMs = 24 * 60 * 60_000

/** What a file may be announced as; what it is, its bytes say. SVG is a program, not a picture. */
export const pictureTypes = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'] as const

/** Squares, by the length of their side in pixels; never larger than what was sent. */
export const pictureSizes = [1000, 500, 250] as const

/** What is made of every picture: its address ends so. */
export const pictureFiles = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'] as const
export type PictureFile = (typeof pictureFiles)[number]
