import { type Calls } from './calls'
import { type Operations, type Picture } from './operations'
import { rising, sendOrWithdraw, sendWhole, type SendingOptions } from './send-file'
import { asBlob, sha256Of } from './blob'

/** The purpose of the picture, and the file's name and type. */
export type PictureFields = Omit<Operations['pictures.initiatePicture']['input'], 'sizeBytes' | 'sha256'>

export type PictureOptions = SendingOptions

/**
 * Initiates a picture upload, sends the file to the object store and finalizes it. Retries failures for half a minute, then aborts; the
 * picture shown before stays.
 * @throws TuttiProblem of the operations; `upload_failed` when the store refuses the file; `upload_cancelled`
 */
export async function uploadPicture(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: PictureFields,
  options: PictureOptions = {},
): Promise<Picture> {
  const blob = asBlob(file)
  const request = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { picture, put } = await calls.call('pictures.initiatePicture', request)
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
