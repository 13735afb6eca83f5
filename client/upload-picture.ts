import { type Calls } from './calls'
import { type Operations, type Picture } from './operations'
import { sendOrWithdraw, sendTo } from './send-file'
import { asBlob, sha256Of } from './blob'

/** What the picture is for, and the file's name and type. */
export type PictureFields = Omit<Operations['pictures.initiatePicture']['input'], 'sizeBytes' | 'sha256'>

export interface PictureOptions {
  /** Hears how many of all bytes have been handed over. */
  onProgress?: (sentBytes: number, totalBytes: number) => void
}

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
  const blob = asBlob(file)
  const announced = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { picture, put } = await calls.call('pictures.initiatePicture', announced)
  const input = { pictureId: picture.id }
  const sending = sendTo(put, blob, sentBytes => onProgress?.(sentBytes, blob.size))
  await sendOrWithdraw(sending, () => calls.call('pictures.abortPicture', input))
  return calls.call('pictures.finalizePicture', input)
}
