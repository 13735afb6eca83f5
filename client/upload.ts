import { type Calls } from './calls'
import { type Operations, type Upload } from './operations'
import { persist } from './persist'
import { ownProblem } from './problem'
import { type PutPlace } from './put-file'
import { sendOrWithdraw, sendTo } from './send-file'
import { type PartsWish, sendParts } from './send-parts'
import { asBlob, sha256Of } from './blob'

type Announcement = Operations['music-upload.initiateUpload']

/** The file's name and type, and what is to be said of its track. */
export type UploadFields = Omit<Announcement['input'], 'sizeBytes' | 'sha256'>

export interface UploadOptions {
  /** Hears how many of all bytes have been handed over, what an earlier try has sent included. */
  onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Hears of the upload as soon as it has an id: with that, `resumeUpload` goes on with it another time. */
  onBegun?: (upload: Upload) => void
  /** Ends the sending with `upload_cancelled`, and gives the upload up. */
  signal?: AbortSignal
  /** Never give the upload up: what was sent stays for a day, to be resumed. */
  keep?: boolean
  /** How many parts of a large file are sent at once, and held in memory (8 to 16 MiB each). Default 3. */
  parallelParts?: number
}

export interface Uploaded {
  upload: Upload
  /** A track of yours that holds the very same file. Of one larger than 64 MiB, `upload.duplicateOf` says it later. */
  duplicateOf: string | null
}

/** Larger files come in parts, each with its own SHA-256: reckoning one over all would take all of it in memory. */
const hashedBytesMax = 64 * 1024 * 1024

/**
 * Announces the file, sends it straight to the object store, and says that it is there. What fails for good is given up;
 * a large file can be resumed for a day, unless it was cancelled.
 * @throws TuttiProblem as the operations say; `upload_failed` when the store does not take the file, `upload_cancelled`.
 */
export async function upload(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: UploadFields,
  options: UploadOptions = {},
): Promise<Uploaded> {
  const blob = asBlob(file)
  const hash = blob.size > hashedBytesMax ? {} : { sha256: await sha256Of(blob) }
  const announced = { ...fields, sizeBytes: blob.size, ...hash }
  const { upload: begun, put, parts, duplicateOf } = await calls.call('music-upload.initiateUpload', announced)
  options.onBegun?.(begun)
  return { upload: await send(calls, begun.id, blob, put ?? parts, options), duplicateOf }
}

/**
 * Goes on with an upload of the same file, in another life of the page or process: sends what is not there yet.
 * @throws TuttiProblem as `upload` does; `other_file` when the size is not the announced one.
 */
export async function resumeUpload(
  calls: Calls,
  uploadId: string,
  file: Blob | Uint8Array,
  options: UploadOptions = {},
): Promise<Upload> {
  const blob = asBlob(file)
  const { state, sizeBytes, parts } = await calls.call('music-upload.getUpload', { uploadId })
  if (sizeBytes !== blob.size) throw ownProblem('other_file', `the upload is of a file of ${sizeBytes} bytes`)
  if (state !== 'initiated') return finalize(calls, uploadId)
  return send(calls, uploadId, blob, parts ?? (await calls.call('music-upload.renewUpload', { uploadId })).put, options)
}

async function send(
  calls: Calls,
  uploadId: string,
  file: Blob,
  where: PutPlace | PartsWish | null,
  { onProgress, signal, keep = false, parallelParts = 3 }: UploadOptions,
): Promise<Upload> {
  const tell = (sentBytes: number) => onProgress?.(sentBytes, file.size)
  const inParts = where !== null && 'count' in where
  const sending = inParts
    ? sendParts(calls, uploadId, file, where, { onProgress: tell, signal, parallelParts })
    : sendTo(where, file, tell, signal)
  const withdraw = async () => {
    if (!keep && (signal?.aborted || !inParts)) await calls.call('music-upload.abortUpload', { uploadId })
  }
  await sendOrWithdraw(sending, withdraw, signal)
  return finalize(calls, uploadId)
}

/** The store may take its time to make one file of many parts: asked again, the server goes on from there. */
const finalize = (calls: Calls, uploadId: string): Promise<Upload> =>
  persist(() => calls.call('music-upload.finalizeUpload', { uploadId }))
