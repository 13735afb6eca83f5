import { refusal } from '../../kernel/refusals'

export const tooManyUploads = refusal('too_many_uploads', 409, 'Finish or abort one of your uploads first')
export const objectMissing = refusal('object_missing', 409, 'The file has not been sent yet')
export const objectMismatch = refusal('object_mismatch', 422, 'The file is not the one that was announced')
export const uploadExpired = refusal('upload_expired', 410, 'The upload waited too long for its file')
export const uploadAborted = refusal('upload_aborted', 410, 'The upload was aborted')
export const uploadOver = refusal('upload_over', 409, 'The upload does not wait for anything any more')
export const uploadRejected = refusal('upload_rejected', 409, 'The file itself cannot be used: send another one')
export const retryOver = refusal('retry_over', 410, 'The file of this upload is not kept any more: send it again')
export const replacementPending = refusal(
  'replacement_pending',
  409,
  'Other audio for this track is being worked on: wait for it, or abort it',
)
