const MiB = 1024 * 1024

/** The largest file: also what SoundCloud takes. S3 copies no more than 5 GB at once. */
export const uploadBytesMax = 4 * 1024 * MiB
/**
 * Files up to this size are sent by one PUT, larger ones in parts. Clients hash what fits into one PUT beforehand and nothing
 * larger, so this number may go down but never up.
 */
export const singlePutBytesMax = 64 * MiB
/** S3 wants 5 MiB at least; a client holds a few of them in memory, and loses one when its line breaks. */
export const partBytesMin = 8 * MiB
/** S3 knows 10,000. One page of its listing of parts holds 1,000. */
export const partsMax = 256
/** So many URLs one call signs. */
export const partsPerCallMax = 100
/** So many uploads of a person may wait for their file. */
export const pendingUploadsMax = 10
/** So long a file may be sent after it was announced. */
export const uploadLifeMs = 24 * 60 * 60_000
/** So long the URL for it is good: enough for 64 MiB at 0.3 Mbit/s. */
export const putLifeMs = 30 * 60_000

/** A release may be planned so far ahead. */
export const releaseAheadMsMax = 366 * 24 * 60 * 60_000

/** How large the parts of a file are, the last one aside; null for one that is sent by one PUT. */
export function partBytesFor(sizeBytes: number): number | null {
  if (sizeBytes <= singlePutBytesMax) return null
  let partBytes = partBytesMin
  while (sizeBytes > partBytes * partsMax) partBytes *= 2
  return partBytes
}

/** Of the largest file. */
export const partBytesMax = partBytesFor(uploadBytesMax) ?? partBytesMin

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

/** So much of a track is its preview; the whole of a shorter one. */
export const previewSeconds = 30
