import { refusal, refusals } from '../../kernel/pipeline/refusals'
import { refuseClosed } from '../../kernel/platform/incoming-files'
import { type Upload } from '../../models'

/** `retryAfter`: when the first of the pending uploads expires. */
export const tooManyUploads = refusal('too_many_uploads', 429, 'Too many pending uploads')
/** `current`: the storage usage, as `music-upload.getStorageUsage` answers it. */
export const quotaExceeded = refusal('quota_exceeded', 409, 'Not enough storage left for this file')
export const uploadExpired = refusal('upload_expired', 410, 'The upload has expired')
export const uploadAborted = refusal('upload_aborted', 410, 'The upload was aborted')
export const uploadClosed = refusal('upload_closed', 409, 'The upload is closed')
export const uploadUsesParts = refusal('upload_uses_parts', 409, 'This upload uses parts: sign them instead')
export const uploadUsesSinglePut = refusal(
  'upload_uses_single_put',
  409,
  'This upload uses a single PUT: renew its URL instead',
)
export const uploadRejected = refusal('upload_rejected', 409, 'The file was rejected: send another one')
export const retryExpired = refusal('retry_expired', 410, 'The file of this upload has been deleted')
export const replacementPending = refusal('replacement_pending', 409, 'Other audio for this track is being processed')

/** The upload changed between the check in the store and the transaction. */
export const changedConcurrently = () => refusals.unavailable('The upload was changed concurrently.', { retryAfter: 1 })

/** @throws `upload_aborted`, `upload_expired` when the upload no longer accepts its file */
export const refuseClosedUpload = (upload: Upload, now: Date): void =>
  refuseClosed(upload, now, { aborted: uploadAborted, expired: uploadExpired })
