import { refusal } from '../../kernel/pipeline/refusals'

/** `retryAfter`: when the first of the pending pictures expires. */
export const tooManyPictures = refusal('too_many_pictures', 429, 'Too many pending pictures')
export const fileMissing = refusal('file_missing', 409, 'The picture has not been sent')
export const fileMismatch = refusal('file_mismatch', 422, 'The picture differs from what was declared')
export const pictureExpired = refusal('picture_expired', 410, 'The picture has expired')
export const pictureAborted = refusal('picture_aborted', 410, 'The picture was aborted')
export const pictureClosed = refusal('picture_closed', 409, 'The picture is closed')
