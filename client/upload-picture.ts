import { type Calls } from './calls'
import { type Operations, type Picture } from './operations'
import { rising, sendOrWithdraw, sendWhole, type SendingOptions } from './send-file'
import { asBlob, sha256Of } from './blob'

/** What the picture is for, and the file's name and type. */
export type PictureFields = Omit<Operations['pictures.initiatePicture']['input'], 'sizeBytes' | 'sha256'>

export type PictureOptions = SendingOptions

/**
 * Announces a picture, sends it straight to the object store, and says that it is there. What fails is tried again for
 * half a minute; what cannot be sent then, or is cancelled, is given up: what was shown before stays.
 * @throws TuttiProblem as the operations say; `upload_failed` when the store does not take the file, `upload_cancelled`.
 */
export async function uploadPicture(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: PictureFields,
  options: PictureOptions = {},
): Promise<Picture> {
  const blob = asBlob(file)
  const announced = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { picture, put } = await calls.call('pictures.initiatePicture', announced)
  const input = { pictureId: picture.id }
  const renew = () => calls.call('pictures.renewPicture', input)
  return sendOrWithdraw(
    calls,
    {
      send: stop => sendWhole(blob, put, renew, rising(options, blob.size), stop),
      finalize: () => calls.call('pictures.finalizePicture', input),
      withdraw: () => calls.call('pictures.abortPicture', input),
    },
    options.signal,
  )
}
