import { type Calls } from './calls'
import { type Operations, type Upload } from './operations'
import { persist } from './persist'
import { ownProblem } from './problem'
import { type PutPlace } from './put-file'
import { rising, type SendingOptions, sendOrWithdraw, sendWhole } from './send-file'
import { type PartsWish, sendParts } from './send-parts'
import { asBlob, sha256Of } from './blob'

type Inputs = { [N in keyof Operations]: Operations[N]['input'] }

/** The file's name and type, and what is to be said of its track. */
export type UploadFields = Omit<Inputs['music-upload.initiateUpload'], 'sizeBytes' | 'sha256'>

/** The file's name and type: what is said of the track stays. */
export type ReplacementFields = Omit<Inputs['music-upload.replaceAudio'], 'trackId' | 'sizeBytes' | 'sha256'>

export interface UploadOptions extends SendingOptions {
  /** Hears of the upload as soon as it has an id: with that, `resumeUpload` goes on with it another time. */
  onBegun?: (upload: Upload) => void
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
 * Announces the file, sends it straight to the object store, and says that it is there. What fails is tried again for half
 * a minute, then given up; a large file can be resumed for a day, unless it was cancelled.
 * @throws TuttiProblem as the operations say; `upload_failed` when the store does not take the file, `upload_cancelled`.
 */
export async function upload(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: UploadFields,
  options?: UploadOptions,
): Promise<Uploaded> {
  const sent = await announceAndSend(calls, 'music-upload.initiateUpload', file, fields, options)
  return { upload: sent, duplicateOf: sent.duplicateOf }
}

/**
 * The same for new audio of a track that is there; the old one plays until a worker has made the new one, and on when the
 * upload fails or is given up.
 * @throws TuttiProblem as `upload` does; `replacement_pending`, when all is sent, while other audio of the track is in the
 * making: with `keep`, `resumeUpload` goes on then.
 */
export const replaceAudio = (
  calls: Calls,
  trackId: string,
  file: Blob | Uint8Array,
  fields: ReplacementFields,
  options?: UploadOptions,
): Promise<Upload> => announceAndSend(calls, 'music-upload.replaceAudio', file, { ...fields, trackId }, options)

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
  if (state !== 'initiated') return persist(() => calls.call('music-upload.finalizeUpload', { uploadId }))
  return send(calls, uploadId, blob, parts, options)
}

async function announceAndSend<N extends 'music-upload.initiateUpload' | 'music-upload.replaceAudio'>(
  calls: Calls,
  name: N,
  file: Blob | Uint8Array,
  fields: Omit<Inputs[N], 'sizeBytes' | 'sha256'>,
  options: UploadOptions = {},
): Promise<Upload> {
  const blob = asBlob(file)
  const hash = blob.size > hashedBytesMax ? {} : { sha256: await sha256Of(blob) }
  const { upload, put, parts } = await calls.call(name, { ...fields, sizeBytes: blob.size, ...hash })
  options.onBegun?.(upload)
  return send(calls, upload.id, blob, put ?? parts, options)
}

/** Without a place, and not in parts: to one that is asked for. */
function send(
  calls: Calls,
  uploadId: string,
  file: Blob,
  where: PutPlace | PartsWish | null | undefined,
  options: UploadOptions,
): Promise<Upload> {
  const { signal, keep = false, parallelParts = 3 } = options
  const onProgress = rising(options, file.size)
  const parts = where && 'count' in where ? where : undefined
  const put = where && 'url' in where ? where : undefined
  return sendOrWithdraw(
    calls,
    {
      send: stop =>
        parts
          ? sendParts(calls, uploadId, file, parts, { onProgress, signal: stop, parallelParts })
          : sendWhole(file, put, () => calls.call('music-upload.renewUpload', { uploadId }), onProgress, stop),
      finalize: () => calls.call('music-upload.finalizeUpload', { uploadId }),
      withdraw: async () => {
        if (!keep && (signal?.aborted || !parts)) await calls.call('music-upload.abortUpload', { uploadId })
      },
    },
    signal,
  )
}
