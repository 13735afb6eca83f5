import { refusal, refusals } from '../../kernel/refusals'

/** `retryAfter` says when the first of those that wait for their file expires, if nothing is done. */
export const tooManyUploads = refusal('too_many_uploads', 429, 'Finish or abort one of your uploads first')
/** `current` says what is taken, as `music-upload.getStorage` does. */
export const quotaExceeded = refusal('quota_exceeded', 409, 'There is not enough space left for this file')
export const objectMissing = refusal('object_missing', 409, 'The file has not been sent yet')
export const objectMismatch = refusal('object_mismatch', 422, 'The file is not the one that was announced')
export const uploadExpired = refusal('upload_expired', 410, 'The upload waited too long for its file')
export const uploadAborted = refusal('upload_aborted', 410, 'The upload was aborted')
export const alreadyReleased = refusal(
  'already_released',
  409,
  'The track is out already: it cannot wait for a release',
)
export const uploadOver = refusal('upload_over', 409, 'The upload does not wait for anything any more')
export const sentInParts = refusal('sent_in_parts', 409, 'This file is sent in parts: have those signed')
export const notInParts = refusal('not_in_parts', 409, 'This file is sent by one PUT: renew its URL')
export const uploadRejected = refusal('upload_rejected', 409, 'The file itself cannot be used: send another one')
export const retryOver = refusal('retry_over', 410, 'The file of this upload is not kept any more: send it again')
export const replacementPending = refusal(
  'replacement_pending',
  409,
  'Other audio for this track is being worked on: wait for it, or abort it',
)

/** What the store was asked about the upload is not true of it any more. */
export const changedMeanwhile = () =>
  refusals.unavailable('The upload has changed at this very moment.', { retryAfter: 1 })
