import { type Calls } from '../calls/calls'
import { type Operations, type Picture } from '../operations'
import { monotonicProgress, sendAndFinalize, putWithRetry, type TransferOptions } from './send-file'
import { asBlob, sha256Of } from './blob'

/** The purpose of the picture, and the file's name and type. */
export type PictureFields = Omit<Operations['pictures.initiatePicture']['input'], 'sizeBytes' | 'sha256'>

export type PictureOptions = TransferOptions

/**
 * Initiates a picture upload, sends the file to the object store and finalizes it. Retries failures for half a minute, then aborts; the
 * picture shown before stays.
 * @throws TuttiProblem of the operations; `upload_failed` when the store refuses the file; `upload_canceled`
 */
export async function uploadPicture(
  calls: Calls,
  file: Blob | Uint8Array,
  fields: PictureFields,
  options: PictureOptions = {},
): Promise<Picture> {
  const blob = asBlob(file)
  const request = { ...fields, sizeBytes: blob.size, sha256: await sha256Of(blob) }
  const { picture, putRequest } = await calls.call('pictures.initiatePicture', request)
  const input = { pictureId: picture.id }
  const renew = () => calls.call('pictures.renewPicture', input)
  return sendAndFinalize(
    calls,
    {
      send: stop => putWithRetry(blob, putRequest, renew, monotonicProgress(options, blob.size), stop),
      finalize: () => calls.call('pictures.finalizePicture', input),
      abort: () => calls.call('pictures.abortPicture', input),
    },
    options.signal,
  )
}
