import { stateMachine } from '../../kernel/pipeline/state-machine'
import { type Upload } from '../../models'

const MiB = 1024 * 1024

/** Largest file, the same limit as SoundCloud's. S3 copies at most 5 GB in one request. */
export const uploadBytesMax = 4 * 1024 * MiB
/**
 * Files up to this size use a single PUT, larger ones are sent in parts. Clients hash files up to this size before
 * sending, and larger ones never, so this number may decrease but never increase.
 */
export const singlePutBytesMax = 64 * MiB
/** S3 requires at least 5 MiB. A client holds a few parts in memory and loses one when its connection breaks. */
export const partBytesMin = 8 * MiB
/** S3 allows 10,000; one page of ListParts has 1,000. */
export const partsMax = 256
/** Part URLs signed per call. */
export const partsPerCallMax = 100
/** Uploads per person that wait for their file. */
export const pendingUploadsMax = 10
/** Time to send a file after its upload was initiated. */
export const uploadLifeMs = 24 * 60 * 60_000
/** Lifetime of a presigned PUT URL: enough for 64 MiB at 0.3 Mbit/s. */
export const putLifeMs = 30 * 60_000

/** Part size of a file (the last part is smaller); null for a file sent by a single PUT. */
export function partBytesFor(sizeBytes: number): number | null {
  if (sizeBytes <= singlePutBytesMax) return null
  let partBytes = partBytesMin
  while (sizeBytes > partBytes * partsMax) partBytes *= 2
  return partBytes
}

/** Part size of the largest file. */
export const partBytesMax = partBytesFor(uploadBytesMax) ?? partBytesMin

/** How long the file of a failed upload is kept for a retry. */
export const retryWindowMs = 7 * 24 * 60 * 60_000

/** Content types a client may declare; the actual format is detected from the bytes. */
export const audioTypes = [
  ...['audio/mpeg', 'audio/mp3', 'audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/aac', 'audio/flac', 'audio/x-flac'],
  ...['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ...['audio/aiff', 'audio/x-aiff', 'audio/ogg', 'audio/opus'],
] as const

type UploadState = Upload['state']

/** `rejected` is final and caused by the file; `failed` is caused by us and can be retried. */
export const { transition, canTransition, isFinal } = stateMachine<UploadState>('an upload', {
  initiated: ['uploaded', 'aborted', 'expired'],
  uploaded: ['processing', 'failed', 'aborted'],
  processing: ['ready', 'rejected', 'failed', 'aborted'],
  ready: [],
  rejected: [],
  failed: ['uploaded', 'aborted'],
  aborted: [],
  expired: [],
})

/** Waiting for a worker, or processed by one. */
export const isInProgress = (state: UploadState): boolean => state === 'uploaded' || state === 'processing'

/** Columns to clear when an upload is aborted. The lease stays until its worker has let go. */
export const clearedProgress = { step: null, error: null, retryUntil: null }
