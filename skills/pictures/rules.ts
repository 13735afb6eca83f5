/** Largest file that one PUT may send. */
export const pictureBytesMax = 10 * 1024 * 1024
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
