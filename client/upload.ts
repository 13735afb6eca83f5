import { type Calls } from './calls'
import { type Operations, type Upload } from './operations'
import { TuttiProblem } from './problem'
import { putFile } from './put-file'

type Announcement = Operations['music-upload.initiateUpload']

/** The file's name and type, and what is to be said of its track. */
export type UploadFields = Omit<Announcement['input'], 'sizeBytes' | 'sha256'>

export interface UploadOptions {
  /** Hears how many of all bytes have been handed over. */
  onProgress?: (sentBytes: number, totalBytes: number) => void
}

export interface Uploaded {
  upload: Upload
  /** A track of yours that holds the very same file. */
  duplicateOf: string | null
}

const alreadyThere = 412

/**
 * Announces the file, sends it straight to the object store, and says that it is there. Its SHA-256 is reckoned first,
 * over the whole file in memory (in browsers on https pages only). What cannot be sent is withdrawn.
 * @throws TuttiProblem as the operations say; `upload_failed` when the store does not take the file.
 */
export async function upload(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: UploadFields,
  { onProgress = () => undefined }: UploadOptions = {},
): Promise<Uploaded> {
  const blob = file instanceof Blob ? file : new Blob([file])
  const announced = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { upload: begun, put, duplicateOf } = await calls.call('music-upload.initiateUpload', announced)
  const uploadId = begun.id
  try {
    const status = await putFile(put, blob, sentBytes => onProgress(sentBytes, blob.size))
    // An earlier try whose answer was lost has put it there: the server looks at what is there anyhow.
    if (status >= 300 && status !== alreadyThere) throw new Error(`the object store answered ${status}`)
  } catch (cause) {
    await calls.call('music-upload.abortUpload', { uploadId }).catch(() => undefined)
    throw new TuttiProblem({ code: 'upload_failed', status: 0, detail: 'the file could not be sent' }, cause)
  }
  return { upload: await calls.call('music-upload.finalizeUpload', { uploadId }), duplicateOf }
}

async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
