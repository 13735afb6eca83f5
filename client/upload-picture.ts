import { type Calls } from './calls'
import { type Operations, type Picture } from './operations'
import { TuttiProblem } from './problem'
import { putFile } from './put-file'
import { sha256Of } from './sha256'

/** What the picture is for, and the file's name and type. */
export type PictureFields = Omit<Operations['pictures.initiatePicture']['input'], 'sizeBytes' | 'sha256'>

export interface PictureOptions {
  /** Hears how many of all bytes have been handed over. */
  onProgress?: (sentBytes: number, totalBytes: number) => void
}

const alreadyThere = 412

/**
 * Announces a picture, sends it straight to the object store, and says that it is there. What cannot be sent is given up.
 * @throws TuttiProblem as the operations say; `upload_failed` when the store does not take the file.
 */
export async function uploadPicture(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: PictureFields,
  { onProgress }: PictureOptions = {},
): Promise<Picture> {
  const blob = file instanceof Blob ? file : new Blob([file])
  const announced = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { picture, put } = await calls.call('pictures.initiatePicture', announced)
  const input = { pictureId: picture.id }
  try {
    const status = await putFile(put, blob, sentBytes => onProgress?.(sentBytes, blob.size))
    if (status !== 200 && status !== alreadyThere) throw new Error(`the object store answered ${status}`)
  } catch (cause) {
    await calls.call('pictures.abortPicture', input).catch(() => undefined)
    throw new TuttiProblem({ code: 'upload_failed', status: 0, detail: 'the file was not sent' }, cause)
  }
  return calls.call('pictures.finalizePicture', input)
}
