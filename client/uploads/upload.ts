import { type Calls } from '../calls/calls'
import { type Operations, type Upload } from '../operations'
import { retry } from './retry'
import { clientProblem } from '../problem'
import { type SignedPut } from './put-file'
import { monotonicProgress, type TransferOptions, sendAndFinalize, putWithRetry } from './send-file'
import { type PartsPlan, sendParts } from './send-parts'
import { asBlob, sha256Of } from './blob'

type Inputs = { [N in keyof Operations]: Operations[N]['input'] }

/** The file's name and type, and the fields of the new track. */
export type UploadFields = Omit<Inputs['music-upload.initiateUpload'], 'sizeBytes' | 'sha256'>

/** The file's name and type; the track keeps its other fields. */
export type ReplacementFields = Omit<Inputs['music-upload.replaceAudio'], 'trackId' | 'sizeBytes' | 'sha256'>

export interface UploadOptions extends TransferOptions {
  /** Called when the upload has an id, with which `resumeUpload` can continue it later. */
  onInitiated?: (upload: Upload) => void
  /** Does not abort the upload on failure or cancellation: it can be resumed for a day. */
  keepOnFailure?: boolean
  /** Parts of a large file sent in parallel and held in memory, 8 to 16 MiB each. Default 3. */
  parallelParts?: number
}

export interface UploadResult {
  upload: Upload
  /** Id of your track with the same file, if any. Above 64 MiB it is known later, in `upload.duplicateOf` of the event. */
  duplicateOf: string | null
}

/** Larger files are hashed per part: one hash over the file would need all of it in memory. */
const hashedBytesMax = 64 * 1024 * 1024

/**
 * Initiates an upload, sends the file to the object store and finalizes it. Retries failures for half a minute, then aborts the upload; a
 * multipart upload is kept and can be resumed for a day, unless it was canceled.
 * @throws TuttiProblem of the operations; `upload_failed` when the store refuses the file; `upload_canceled`
 */
export async function upload(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: UploadFields,
  options?: UploadOptions,
): Promise<UploadResult> {
  const sent = await initiateAndSend(calls, 'music-upload.initiateUpload', file, fields, options)
  return { upload: sent, duplicateOf: sent.duplicateOf }
}

/**
 * Uploads new audio for an existing track. The old audio plays until the new one is processed, and stays when the upload fails.
 * @throws TuttiProblem as `upload` does; `replacement_pending` at the end, while another replacement is processed: with `keep`,
 * call `resumeUpload` afterwards
 */
export const replaceAudio = (
  calls: Calls,
  trackId: string,
  file: Blob | Uint8Array,
  fields: ReplacementFields,
  options?: UploadOptions,
): Promise<Upload> => initiateAndSend(calls, 'music-upload.replaceAudio', file, { ...fields, trackId }, options)

/**
 * Resumes an upload with the same file, also after a page reload: sends what is missing.
 * @throws TuttiProblem as `upload` does; `file_mismatch` when the file has a different size
 */
export async function resumeUpload(
  calls: Calls,
  uploadId: string,
  file: Blob | Uint8Array,
  options: UploadOptions = {},
): Promise<Upload> {
  const blob = asBlob(file)
  const { state, sizeBytes, parts } = await calls.call('music-upload.getUpload', { uploadId })
  if (sizeBytes !== blob.size)
    throw clientProblem('file_mismatch', `the upload belongs to a file of ${sizeBytes} bytes`)
  if (state !== 'initiated') return retry(() => calls.call('music-upload.finalizeUpload', { uploadId }))
  return send(calls, uploadId, blob, parts, options)
}

async function initiateAndSend<N extends 'music-upload.initiateUpload' | 'music-upload.replaceAudio'>(
  calls: Calls,
  name: N,
  file: Blob | Uint8Array,
  fields: Omit<Inputs[N], 'sizeBytes' | 'sha256'>,
  options: UploadOptions = {},
): Promise<Upload> {
  const blob = asBlob(file)
  const hash = blob.size > hashedBytesMax ? {} : { sha256: await sha256Of(blob) }
  const { upload, putRequest, parts } = await calls.call(name, { ...fields, sizeBytes: blob.size, ...hash })
  options.onInitiated?.(upload)
  return send(calls, upload.id, blob, putRequest ?? parts, options)
}

/** Sends in parts, or with one PUT; without `target` asks for a signed URL first. */
function send(
  calls: Calls,
  uploadId: string,
  file: Blob,
  target: SignedPut | PartsPlan | null | undefined,
  options: UploadOptions,
): Promise<Upload> {
  const { signal, keepOnFailure = false, parallelParts = 3 } = options
  const onProgress = monotonicProgress(options, file.size)
  const parts = target && 'count' in target ? target : undefined
  const put = target && 'url' in target ? target : undefined
  return sendAndFinalize(
    calls,
    {
      send: stop =>
        parts
          ? sendParts(calls, uploadId, file, parts, { onProgress, signal: stop, parallelParts })
          : putWithRetry(file, put, () => calls.call('music-upload.renewUpload', { uploadId }), onProgress, stop),
      finalize: () => calls.call('music-upload.finalizeUpload', { uploadId }),
      abort: async () => {
        if (!keepOnFailure && (signal?.aborted || !parts)) await calls.call('music-upload.abortUpload', { uploadId })
      },
    },
    signal,
  )
}
