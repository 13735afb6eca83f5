/** One PUT carries no more than this. */
export const uploadBytesMax = 500 * 1024 * 1024
/** So many uploads of a person may wait for their file. */
export const pendingUploadsMax = 10
/** So long a file may be sent after it was announced. */
export const uploadLifeMs = 24 * 60 * 60_000
/** So long the URL for it is good: enough for 500 MB at 2.5 Mbit/s. */
export const putLifeMs = 30 * 60_000

/** So often a worker takes up an upload, whether the attempt fails or the worker dies. */
export const processingAttemptsMax = 5
/** A worker that says nothing for so long is taken for dead. */
export const leaseMs = 30_000
/** The same for one that never says anything, since it is of a release before: longer than any file takes it. */
export const silentRunMs = 20 * 60_000
/** So long the file of an upload that failed is kept for another try. */
export const retryWindowMs = 7 * 24 * 60 * 60_000

/** What a file may be announced as; what it is, its bytes say. */
export const audioTypes = [
  ...['audio/mpeg', 'audio/mp3', 'audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/aac', 'audio/flac', 'audio/x-flac'],
  ...['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ...['audio/aiff', 'audio/x-aiff', 'audio/ogg', 'audio/opus'],
] as const
